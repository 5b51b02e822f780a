import { randomUUID } from 'node:crypto';
import proto from '@temporalio/proto';
import Long from 'long';
import { eventually } from './sleeping-workflow.js';
import { NAMESPACE, type TemporalServer } from './temporal-server.js';

/** Starts an execution that no worker takes, every two seconds; each missed one is made up for. */
export class RunningSchedule {
  private constructor(readonly scheduleId: string) {}

  static async start({ service }: TemporalServer, scheduleId: string): Promise<RunningSchedule> {
    const startWorkflow = {
      ...{ workflowId: scheduleId, workflowType: { name: 'scheduled' }, taskQueue: { name: 'nobody' } },
    };
    const schedule = {
      spec: { interval: [{ interval: { seconds: Long.fromNumber(2) } }] },
      action: { startWorkflow },
      policies: { overlapPolicy: proto.temporal.api.enums.v1.ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL },
    };
    const request = { namespace: NAMESPACE, scheduleId, schedule, identity: 'spec', requestId: randomUUID() };
    await eventually(() => service.createSchedule(request));
    return new RunningSchedule(scheduleId);
  }

  /** As `temporal schedule toggle --pause` does. */
  async pause({ service }: TemporalServer): Promise<void> {
    const { scheduleId } = this;
    const request = { namespace: NAMESPACE, scheduleId, identity: 'spec', requestId: randomUUID() };
    await service.patchSchedule({ ...request, patch: { pause: 'held after a restore' } });
  }
}
