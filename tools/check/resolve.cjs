const { join } = require('node:path');

/** `#common/…` names the compiled file in dist/ (package.json, imports); dependency rules are about sources. */
module.exports = {
  resolve: { alias: { '#common': join(process.cwd(), 'libs/common/src'), '#tools': join(process.cwd(), 'tools') } },
};
