/** What a filter asks of one document. */
export type Filter =
  | { readonly kind: 'and'; readonly parts: readonly Filter[] }
  | { readonly kind: 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | { readonly kind: 'compare'; readonly attribute: string; readonly operator: string; readonly value: string }
  | { readonly kind: 'in'; readonly attribute: string; readonly values: readonly string[] }
  | { readonly kind: 'exists' | 'null' | 'empty'; readonly attribute: string };

export class FilterSyntaxError extends Error {
  override readonly name = 'FilterSyntaxError';
}

interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
}

const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(<=|>=|!=|[=<>()[\],])|([^\s"'=<>!()[\],]+))/y;

function toTokens(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null)
      throw new FilterSyntaxError(`Found unexpected characters at the end of the filter: \`${text.slice(at)}\``);
    const [, double, single, operator, word] = match;
    const quoted = double ?? single;
    tokens.push({ text: quoted?.replaceAll(/\\(.)/g, '$1') ?? operator ?? word ?? '', isQuoted: quoted !== undefined });
  }
  return tokens;
}

/** Parses `a = 1 AND (b IN [x, "y z"] OR NOT c EXISTS)`. Undefined for a filter that asks nothing. Source: "Filter expression reference". */
export function parseFilter(text: string): Filter | undefined {
  const reader = new FilterReader(toTokens(text));
  return reader.isAtEnd ? undefined : reader.readWhole();
}

const operators: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>=']);

class FilterReader {
  private at = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  get isAtEnd(): boolean {
    return this.at >= this.tokens.length;
  }

  readWhole(): Filter {
    const filter = this.readAny();
    if (this.isAtEnd) return filter;
    throw new FilterSyntaxError(
      `Found unexpected characters at the end of the filter: \`${this.tokens[this.at]?.text}\``,
    );
  }

  private readAny(): Filter {
    return this.readList('or', 'OR', () => this.readList('and', 'AND', () => this.readNot()));
  }

  private readList(kind: 'and' | 'or', word: string, readPart: () => Filter): Filter {
    const parts = [readPart()];
    while (this.take(word)) parts.push(readPart());
    return parts.length === 1 ? (parts[0] as Filter) : { kind, parts };
  }

  private readNot(): Filter {
    if (this.take('NOT')) return { kind: 'not', part: this.readNot() };
    if (!this.take('(')) return this.readCondition();
    const filter = this.readAny();
    this.expect(')');
    return filter;
  }

  private readCondition(): Filter {
    const attribute = this.readValue();
    const isNegated = this.take('NOT');
    const filter = this.readKeyword(attribute) ?? (isNegated ? undefined : this.readComparison(attribute));
    if (filter === undefined) {
      throw new FilterSyntaxError(
        `Was expecting an operation \`=\`, \`!=\`, \`>=\`, \`>\`, \`<=\`, \`<\`, \`IN\`, \`NOT IN\`, \`TO\`, \`EXISTS\`, \`NOT EXISTS\`, \`IS NULL\`, \`IS NOT NULL\`, \`IS EMPTY\`, \`IS NOT EMPTY\` or \`STARTS WITH\` at \`${attribute}\`.`,
      );
    }
    return isNegated ? { kind: 'not', part: filter } : filter;
  }

  private readKeyword(attribute: string): Filter | undefined {
    if (this.take('EXISTS')) return { kind: 'exists', attribute };
    if (this.take('IN')) return { kind: 'in', attribute, values: this.readValues() };
    if (this.take('STARTS')) {
      this.expect('WITH');
      return { kind: 'compare', attribute, operator: 'STARTS WITH', value: this.readValue() };
    }
    if (!this.take('IS')) return undefined;
    const isNegated = this.take('NOT');
    const filter: Filter = this.take('NULL') ? { kind: 'null', attribute } : { kind: 'empty', attribute };
    if (filter.kind === 'empty') this.expect('EMPTY');
    return isNegated ? { kind: 'not', part: filter } : filter;
  }

  private readComparison(attribute: string): Filter | undefined {
    const next = this.tokens[this.at];
    if (next === undefined) return undefined;
    if (!next.isQuoted && operators.has(next.text)) {
      this.at += 1;
      return { kind: 'compare', attribute, operator: next.text, value: this.readValue() };
    }
    const low = this.readValue();
    this.expect('TO');
    const range = [
      { kind: 'compare', attribute, operator: '>=', value: low },
      { kind: 'compare', attribute, operator: '<=', value: this.readValue() },
    ] as const;
    return { kind: 'and', parts: range };
  }

  private readValues(): string[] {
    const values: string[] = [];
    this.expect('[');
    while (!this.take(']')) {
      values.push(this.readValue());
      if (!this.take(',')) {
        this.expect(']');
        break;
      }
    }
    return values;
  }

  private readValue(): string {
    const token = this.tokens[this.at];
    this.at += 1;
    if (token === undefined || (!token.isQuoted && /^[=<>!()[\],]+$/.test(token.text)))
      throw new FilterSyntaxError('Was expecting a value but instead got nothing.');
    return token.text;
  }

  /** Keywords are written in capitals, and a quoted word is none. */
  private take(word: string): boolean {
    const token = this.tokens[this.at];
    if (token === undefined || token.isQuoted || token.text !== word) return false;
    this.at += 1;
    return true;
  }

  private expect(word: string): void {
    if (!this.take(word))
      throw new FilterSyntaxError(`Was expecting \`${word}\` but instead got \`${this.tokens[this.at]?.text ?? ''}\`.`);
  }
}
