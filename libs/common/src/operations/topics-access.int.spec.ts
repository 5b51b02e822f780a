import { afterAll, beforeAll, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { TopicsTestBed } from '#common/testing/topics-test-bed.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

let bed: TopicsTestBed;
beforeAll(async () => {
  bed = await TopicsTestBed.create();
}, 60_000);
afterAll(() => bed.close());

it('access rules about the topics and groups of a backup are in it, and a restore names those that the cluster lacks', async () => {
  const topic = await bed.bed.topic('guarded', 1);
  const group = `${bed.bed.prefix}readers`;
  await bed.bed.producer.send({ topic, messages: [{ value: 'one' }] });
  await bed.commit(group, topic, [1]);
  const any = { principal: 'User:*', host: '*', operation: AclOperationTypes.ALL };
  const { ALLOW: permissionType } = AclPermissionTypes;
  const literal = { resourcePatternType: ResourcePatternTypes.LITERAL };
  const mallory = { ...any, principal: "User:o'mallory", operation: AclOperationTypes.DESCRIBE_CONFIGS };
  const rules = [
    { ...any, ...literal, permissionType, resourceType: AclResourceTypes.TOPIC, resourceName: topic },
    { ...any, ...literal, permissionType, resourceType: AclResourceTypes.GROUP, resourceName: group },
    {
      ...{ ...mallory, permissionType: AclPermissionTypes.DENY, resourceType: AclResourceTypes.TOPIC },
      ...{ resourcePatternType: ResourcePatternTypes.PREFIXED, resourceName: `${bed.bed.prefix}guard` },
    },
    { ...any, ...literal, permissionType, resourceType: AclResourceTypes.TOPIC, resourceName: `${topic}-other` },
  ];
  await bed.bed.admin.createAcls({ acl: rules });
  try {
    const manifest = await bed.backup('guarded');
    const { snapshot } = await bed.open(manifest);
    expect(snapshot.acls?.map(({ resource, name, permission }) => [resource, name, permission]).sort()).toEqual([
      ['GROUP', group, 'ALLOW'],
      ['TOPIC', `${bed.bed.prefix}guard`, 'DENY'],
      ['TOPIC', topic, 'ALLOW'],
    ]);
    await bed.delete(topic);
    expect((await bed.restore(bed.order(manifest))).findings['missingAcls']).toEqual([]);
    await remove(rules);
    await bed.delete(topic);
    const { findings } = await bed.restore(bed.order(manifest));
    expect(findings['missingAcls']).toHaveLength(3);
    expect(findings['missingAcls']).toContain(
      `kafka-acls.sh --add --deny-principal 'User:o'\\''mallory' --deny-host '*' --operation DescribeConfigs --topic ${bed.bed.prefix}guard --resource-pattern-type prefixed`,
    );
  } finally {
    await remove(rules);
  }
}, 90_000);

async function remove(rules: Parameters<typeof bed.bed.admin.createAcls>[0]['acl']): Promise<void> {
  await bed.bed.admin.deleteAcls({ filters: rules });
}
