import { registerHooks } from 'node:module';

/**
 * dependency-cruiser reads imports by subclassing the visitor that @swc/core ships, and that one is abandoned: it throws
 * on newer syntax such as `await using`. Loaded with `node --import`, this file takes its place. It walks whatever it is
 * given and knows only the nodes that the subclass asks for, so new syntax cannot break it.
 */
type SwcNode = Readonly<Record<string, unknown>>;

export class Visitor {
  visitModule(module: SwcNode): SwcNode {
    this.#walk(module['body']);
    return module;
  }

  visitImportDeclaration(node: SwcNode): SwcNode {
    return this.#walkInto(node);
  }

  visitTsImportEqualsDeclaration(node: SwcNode): SwcNode {
    return this.#walkInto(node);
  }

  visitExportAllDeclaration(node: SwcNode): SwcNode {
    return this.#walkInto(node);
  }

  visitExportNamedDeclaration(node: SwcNode): SwcNode {
    return this.#walkInto(node);
  }

  visitCallExpression(node: SwcNode): SwcNode {
    return this.#walkInto(node);
  }

  #visit(node: SwcNode): void {
    switch (node['type']) {
      case 'ImportDeclaration':
        this.visitImportDeclaration(node);
        break;
      case 'TsImportEqualsDeclaration':
        this.visitTsImportEqualsDeclaration(node);
        break;
      case 'ExportAllDeclaration':
        this.visitExportAllDeclaration(node);
        break;
      case 'ExportNamedDeclaration':
        this.visitExportNamedDeclaration(node);
        break;
      case 'CallExpression':
        this.visitCallExpression(node);
        break;
      default:
        this.#walkInto(node);
    }
  }

  #walk(value: unknown): void {
    if (Array.isArray(value)) for (const item of value) this.#walk(item);
    else if (value !== null && typeof value === 'object') this.#visit(value as SwcNode);
  }

  #walkInto(node: SwcNode): SwcNode {
    for (const value of Object.values(node)) this.#walk(value);
    return node;
  }
}

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@swc/core/Visitor.js'
      ? { url: import.meta.url, format: 'module', shortCircuit: true }
      : next(specifier, context),
});
