import type { Json, JsonObject } from '#common/domain/json.js';
import { accepted, type Call, ok, type Route, readJson } from '../http.js';
import { checkSettings, hideSecrets, isMerged, type SettingName, settingNames, toFullSettings } from '../settings.js';
import { toSummary } from '../task.js';
import { findIndex, indexUidOf } from './index-routes.js';

const shown = (call: Call): JsonObject => hideSecrets(toFullSettings(findIndex(call).settings));

/** A change of some settings; null for all brings the defaults back. */
function change(call: Call, settings: JsonObject | null) {
  const indexUid = indexUidOf(call);
  const details = hideSecrets(settings ?? (Object.fromEntries(settingNames.map((name) => [name, null])) as JsonObject));
  return accepted(toSummary(call.queue.add({ type: 'settingsUpdate', indexUid, details, content: { settings } })));
}

const root = '/indexes/:index/settings';

function routesOf(name: SettingName): Route[] {
  const pattern = `${root}/${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const changeOne = (call: Call, value: Json) => change(call, checkSettings({ [name]: value }));
  return [
    { method: 'GET', pattern, action: 'settings.get', handle: (call) => ok(shown(call)[name]) },
    {
      method: isMerged(name) ? 'PATCH' : 'PUT',
      pattern,
      action: 'settings.update',
      handle: (call) => changeOne(call, readJson(call)),
    },
    { method: 'DELETE', pattern, action: 'settings.update', handle: (call) => changeOne(call, null) },
  ];
}

export const settingsRoutes: readonly Route[] = [
  { method: 'GET', pattern: root, action: 'settings.get', handle: (call) => ok(shown(call)) },
  {
    method: 'PATCH',
    pattern: root,
    action: 'settings.update',
    handle: (call) => change(call, checkSettings(readJson(call))),
  },
  { method: 'DELETE', pattern: root, action: 'settings.update', handle: (call) => change(call, null) },
  ...settingNames.flatMap(routesOf),
];
