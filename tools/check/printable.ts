import { join, relative } from 'node:path';
import {
  type CallExpression,
  type Expression,
  isBinaryExpression,
  isCallExpression,
  isIdentifier,
  isPropertyAccessExpression,
  isStringLiteral,
  isTaggedTemplateExpression,
  isTemplateExpression,
  isTemplateSpan,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API, type Checker, type Type, TypeFlags } from 'typescript/unstable/sync';

/** A value that may reach a person as `[object Object]`, `undefined`, or as whatever else its type allows. */
export interface Unprintable {
  readonly path: string;
  readonly line: number;
  readonly source: string;
  readonly type: string;
}

/** What becomes text: the value itself, or each of its elements. */
interface Printed {
  readonly node: Expression;
  readonly isList: boolean;
}

const PRINTABLE =
  TypeFlags.StringLike | TypeFlags.NumberLike | TypeFlags.BigIntLike | TypeFlags.BooleanLike | TypeFlags.Never;

/**
 * Values in template literals, in `String(…)`, in `.join(…)`, in `.map(String)` and beside a `+`, whose types are not text, number or
 * boolean alone. By the compiler's own types, so that `unknown` from elsewhere is found as well. `toText` prints any value.
 */
export function findUnprintable(root: string, isLooked: (path: string) => boolean): Unprintable[] {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] });
    const project = snapshot.getProject(join(root, 'tsconfig.json'));
    if (project === undefined) throw new Error(`${root} has no tsconfig.json`);
    const { program, checker } = project;
    const files = program.getSourceFileNames().filter((name) => isLooked(relative(root, name)));
    return files.flatMap((name) => {
      const file = program.getSourceFile(name);
      return file === undefined ? [] : lookInto(file, relative(root, name), checker);
    });
  } finally {
    api.close();
  }
}

function lookInto(file: SourceFile, path: string, checker: Checker): Unprintable[] {
  const printed = [...findPrinted(file)];
  const types = printed.length === 0 ? [] : checker.getTypeAtLocation(printed.map(({ node }) => node));
  return printed.flatMap(({ node, isList }, index): Unprintable[] => {
    const type = types[index];
    if (type === undefined || isPrintable(type, isList, checker)) return [];
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    return [{ path, line: line + 1, source: node.getText(file), type: checker.typeToString(type) }];
  });
}

function* findPrinted(node: Node): Generator<Printed> {
  if (isTemplateSpan(node) && !isTaggedTemplateExpression(node.parent.parent)) yield one(node.expression);
  if (isCallExpression(node)) yield* printedByCall(node);
  if (isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.PlusToken) {
    if (isLiteralText(node.left)) yield one(node.right);
    if (isLiteralText(node.right)) yield one(node.left);
  }
  const children: Node[] = [];
  node.forEachChild((child) => {
    children.push(child);
  });
  for (const child of children) yield* findPrinted(child);
}

const one = (node: Expression): Printed => ({ node, isList: false });

function* printedByCall({ expression, arguments: given }: CallExpression): Generator<Printed> {
  const [first] = given;
  if (isIdentifier(expression) && expression.text === 'String' && first !== undefined) yield one(first);
  if (!isPropertyAccessExpression(expression)) return;
  const isMapped = first !== undefined && isIdentifier(first) && first.text === 'String';
  if (expression.name.text === 'join' || (expression.name.text === 'map' && isMapped))
    yield { node: expression.expression, isList: true };
}

const isLiteralText = (node: Expression): boolean => isStringLiteral(node) || isTemplateExpression(node);

function isPrintable(type: Type, isList: boolean, checker: Checker): boolean {
  if (type.isUnionType()) return type.getTypes().every((each) => isPrintable(each, isList, checker));
  if (!isList && (type.flags & PRINTABLE) !== 0) return true;
  // A branded text is text and its brand.
  if (type.isIntersectionType()) return type.getTypes().some((each) => isPrintable(each, isList, checker));
  if (isList && checker.isArrayLikeType(type) && type.isTypeReference())
    return checker.getTypeArguments(type).every((each) => isPrintable(each, false, checker));
  const bound = type.isObjectType() ? undefined : checker.getBaseConstraintOfType(type);
  return bound !== undefined && bound.id !== type.id && isPrintable(bound, isList, checker);
}
