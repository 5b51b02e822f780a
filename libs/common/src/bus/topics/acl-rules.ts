import kafkajs, { type Admin } from 'kafkajs';
import { kafkaErrorType, toBusError } from '../bus-error.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** One rule of a cluster's access control, in the words of Kafka. */
export interface AclRule {
  /** `TOPIC`, `GROUP`, … */
  readonly resource: string;
  readonly name: string;
  /** `LITERAL`, of which `*` means every name, or `PREFIXED`. */
  readonly pattern: string;
  /** `User:shop`. */
  readonly principal: string;
  readonly host: string;
  readonly operation: string;
  /** `ALLOW` or `DENY`. */
  readonly permission: string;
}

/** Of a cluster that keeps none, or of which these credentials may not ask. */
const TOLERABLE = ['SECURITY_DISABLED', 'CLUSTER_AUTHORIZATION_FAILED', 'UNSUPPORTED_VERSION', 'INVALID_REQUEST'];

/** Every rule of the cluster; undefined: it does not tell. Throws: bus.unavailable. */
export async function readAclRules(admin: Admin): Promise<readonly AclRule[] | undefined> {
  const any = { operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY };
  const filter = { resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY, ...any };
  try {
    const { resources } = await admin.describeAcls(filter);
    return resources.flatMap(({ resourceType, resourceName, resourcePatternType, acls }) =>
      acls.map(({ principal, host, operation, permissionType }) => ({
        ...{ resource: nameOf(AclResourceTypes, resourceType), name: resourceName },
        ...{ pattern: nameOf(ResourcePatternTypes, resourcePatternType), principal, host },
        ...{ operation: nameOf(AclOperationTypes, operation), permission: nameOf(AclPermissionTypes, permissionType) },
      })),
    );
  } catch (error) {
    if (TOLERABLE.includes(kafkaErrorType(error) ?? '')) return undefined;
    throw toBusError(error, 'read the access rules of the cluster');
  }
}

const nameOf = (names: object, value: number): string =>
  Object.entries(names).find(([, each]) => each === value)?.[0] ?? String(value);
