import { versions } from './versions.js';

/** The smallest project whose dependencies are a broker, its tools and a logger. */
export function toPom(): string {
  const dependencies = [
    ['org.apache.kafka', `kafka_${versions.scala}`, versions.kafka],
    ['org.apache.kafka', 'kafka-tools', versions.kafka],
    ['org.apache.logging.log4j', 'log4j-slf4j-impl', versions.log4j],
  ].map(
    ([group, artifact, version]) =>
      `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    '  <modelVersion>4.0.0</modelVersion>',
    '  <groupId>holdfast</groupId><artifactId>kafka-broker</artifactId><version>1</version>',
    '  <dependencies>',
    ...dependencies,
    '  </dependencies>',
    '</project>',
    '',
  ].join('\n');
}

export interface BrokerOptions {
  readonly folder: string;
  readonly port: number;
  readonly controllerPort: number;
}

export function toBrokerProperties({ folder, port, controllerPort }: BrokerOptions): string {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': folder,
    // A topic that was never created must be an error in tests, as it is in production.
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // One node needs no fifty partitions of each: fewer make the first group and the first transaction quicker.
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.num.partitions': 5,
    'group.initial.rebalance.delay.ms': 0,
    // Lets test consumers ask for a session shorter than Kafka's six seconds, to see a dead member leave soon.
    'group.min.session.timeout.ms': 1000,
    // A spec forbids a topic of its own by a rule; every client may do what no rule is about.
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': true,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

export function toLogProperties(): string {
  return [
    'status = error',
    'appender.out.type = Console',
    'appender.out.name = out',
    'appender.out.layout.type = PatternLayout',
    'appender.out.layout.pattern = %d %p %m (%c)%n',
    'rootLogger.level = info',
    'rootLogger.appenderRef.out.ref = out',
    '',
  ].join('\n');
}
