import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import proto from '@temporalio/proto';
import Long from 'long';
import { NAMESPACE, type TemporalServer } from './temporal-server.js';

const { CommandType, EventType, WorkflowExecutionStatus } = proto.temporal.api.enums.v1;
const [taskQueue, identity] = [{ name: 'sleepers' }, 'spec'];

interface Nap {
  readonly seconds: number;
}

/** An execution that starts a timer and completes when the timer has fired; this class is its worker, without a library for workers. */
export class SleepingWorkflow {
  private wakesAt = 0;

  private constructor(readonly workflowId: string) {}

  /** Resolves when it sleeps. */
  static async start(server: TemporalServer, { seconds }: Nap): Promise<SleepingWorkflow> {
    const { service } = server;
    const workflow = new SleepingWorkflow(`sleeper-${randomUUID()}`);
    const { workflowId } = workflow;
    const request = { namespace: NAMESPACE, workflowId, workflowType: { name: 'sleeper' }, taskQueue, identity };
    // Every host learns of a new namespace within seconds.
    await eventually(() => service.startWorkflowExecution({ ...request, requestId: randomUUID() }));
    const { taskToken } = await workflow.poll(server);
    const startToFireTimeout = { seconds: Long.fromNumber(seconds) };
    const commands = [
      {
        commandType: CommandType.COMMAND_TYPE_START_TIMER,
        startTimerCommandAttributes: { timerId: 'nap', startToFireTimeout },
      },
    ];
    await service.respondWorkflowTaskCompleted({ namespace: NAMESPACE, taskToken, identity, commands });
    workflow.wakesAt = Date.now() + seconds * 1_000;
    return workflow;
  }

  /** Resolves when its timer is due, with no server to fire it. */
  async overslept(): Promise<void> {
    await sleep(Math.max(0, this.wakesAt - Date.now()));
  }

  /** Resolves with its result once its timer has fired. */
  async finish(server: TemporalServer): Promise<string> {
    const { service } = server;
    const { taskToken, history } = await this.poll(server);
    const types = history?.events?.map(({ eventType }) => eventType) ?? [];
    if (!types.includes(EventType.EVENT_TYPE_TIMER_FIRED)) throw new Error('the workflow woke before its timer');
    const result = { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"awake"') }] };
    const commands = [
      {
        commandType: CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        completeWorkflowExecutionCommandAttributes: { result },
      },
    ];
    await service.respondWorkflowTaskCompleted({ namespace: NAMESPACE, taskToken, identity, commands });
    const execution = { workflowId: this.workflowId };
    const { workflowExecutionInfo } = await service.describeWorkflowExecution({ namespace: NAMESPACE, execution });
    if (workflowExecutionInfo?.status !== WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED)
      throw new Error('the workflow did not complete');
    const answer = await service.getWorkflowExecutionHistory({ namespace: NAMESPACE, execution });
    const completed = answer.history?.events?.at(-1)?.workflowExecutionCompletedEventAttributes;
    return JSON.parse(Buffer.from(completed?.result?.payloads?.[0]?.data ?? []).toString());
  }

  /** The next task of this execution. */
  private poll(server: TemporalServer) {
    return eventually(async () => {
      const task = await server.within(20_000, () =>
        server.service.pollWorkflowTaskQueue({ namespace: NAMESPACE, taskQueue, identity }),
      );
      if (task.workflowExecution?.workflowId !== this.workflowId) throw new Error('no task for the workflow');
      return task;
    });
  }
}

/** Asks again until it does not throw. */
export async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + 120_000; ; await sleep(250)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
