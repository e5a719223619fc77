/**
 * The public declarations of a package's entry, read from its sources: what `index.ts` exports, through re-exports, with docstrings. Bodies, private members
 * and initial values are left out: they are no promise. Types that the compiler infers stand as they are written.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Comment, type Node, parseSync } from "oxc-parser";

export interface Declaration {
  readonly name: string;
  /** As in the source, comments of members included. */
  readonly text: string;
  /** The docstring, without its stars; empty where there is none. */
  readonly doc: string;
}

/** One source file of the package: what it exports to the public, in its own order. */
export interface Section {
  /** Absolute. */
  readonly file: string;
  /** The first sentence of the file's header comment. */
  readonly title: string;
  readonly declarations: readonly Declaration[];
}

type Wanted = "all" | ReadonlyMap<string, string>;

/** `entry`: absolute path of the `index.ts`. @throws Error for forms of export that are not understood, so that nothing is left out in silence */
export function readApi(entry: string): Section[] {
  const sections = new Map<string, Declaration[]>();
  const files = new Map<string, SourceFile>();
  const open = (path: string): SourceFile => {
    let file = files.get(path);
    if (file === undefined) files.set(path, (file = new SourceFile(path)));
    return file;
  };
  const visit = (path: string, wanted: Wanted): void => {
    const file = open(path);
    for (const statement of file.body) {
      if (statement.type === "ExportAllDeclaration") {
        if (wanted === "all") visit(join(dirname(path), statement.source.value), "all");
      } else if (statement.type === "ExportNamedDeclaration") {
        const { source, declaration, specifiers } = statement;
        if (declaration !== null) take(file, declaration, statement, wanted);
        else if (source !== null) {
          const names = new Map(specifiers.map((each) => [nameOf(each.local), nameOf(each.exported)] as const));
          const asked = wanted === "all" ? names : new Map([...names].filter(([, name]) => wanted.has(name)));
          if (asked.size > 0) visit(join(dirname(path), source.value), asked);
        } else {
          for (const { local, exported } of specifiers) {
            if (wanted !== "all" && !wanted.has(nameOf(exported))) continue;
            const publicName = wanted === "all" ? nameOf(exported) : wanted.get(nameOf(exported))!;
            const from = file.importOf(nameOf(local));
            if (from === null)
              throw new Error(`${path}: an export of ${nameOf(local)}, which is not imported, is not understood`);
            visit(join(dirname(path), from.module), new Map([[from.name, publicName]]));
          }
        }
      } else if (statement.type === "ExportDefaultDeclaration") {
        throw new Error(`${path}: a default export is not understood`);
      }
    }
  };
  const take = (file: SourceFile, declaration: Node, statement: Node, wanted: Wanted): void => {
    for (const { name, text } of file.declared(declaration)) {
      const publicName = wanted === "all" ? name : wanted.get(name);
      if (publicName === undefined) continue;
      let list = sections.get(file.path);
      if (list === undefined) sections.set(file.path, (list = []));
      list.push({ name: publicName, text, doc: file.docBefore(statement.start) });
    }
  };
  visit(entry, "all");
  return [...sections].map(([file, declarations]) => ({ file, title: open(file).title(), declarations }));
}

/** The text without comments, with one space for each run of blanks: what a change of wording does not touch. */
export function withoutComments(text: string): string {
  const { comments } = parseSync("declaration.ts", text);
  let bare = "";
  let from = 0;
  for (const { start, end } of comments) {
    bare += text.slice(from, start);
    from = end;
  }
  bare += text.slice(from);
  return bare
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== "")
    .join("\n");
}

function nameOf(node: { readonly type: string; readonly name?: string; readonly value?: string }): string {
  return node.name ?? node.value ?? "";
}

class SourceFile {
  readonly path: string;
  readonly #text: string;
  readonly #comments: readonly Comment[];
  readonly body: readonly Extract<Node, { type: "Program" }>["body"][number][];

  constructor(path: string) {
    this.path = path;
    this.#text = readFileSync(path, "utf8");
    const { program, comments, errors } = parseSync(path, this.#text);
    if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
    this.#comments = comments;
    this.body = program.body;
  }

  /** Where a name comes from that this file imports; null: it does not. */
  importOf(name: string): { readonly module: string; readonly name: string } | null {
    for (const statement of this.body) {
      if (statement.type !== "ImportDeclaration") continue;
      for (const specifier of statement.specifiers) {
        if (specifier.type === "ImportSpecifier" && specifier.local.name === name)
          return { module: statement.source.value, name: nameOf(specifier.imported) };
      }
    }
    return null;
  }

  title(): string {
    const [first] = this.#comments;
    if (first === undefined || first.type !== "Block") throw new Error(`${this.path}: a header comment is missing`);
    return cleanDoc(first.value)
      .replaceAll("\n", " ")
      .split(/(?<=[.:]) /)[0]!
      .replace(/[.:]$/, "");
  }

  docBefore(start: number): string {
    const comment = this.#comments.find(
      ({ end, type }) => type === "Block" && end <= start && this.#text.slice(end, start).trim() === "",
    );
    // A file's header is no docstring of its first declaration.
    return comment === undefined || comment.start === 0 || !comment.value.startsWith("*")
      ? ""
      : cleanDoc(comment.value);
  }

  declared(node: Node): Array<{ readonly name: string; readonly text: string }> {
    switch (node.type) {
      case "TSInterfaceDeclaration":
      case "TSTypeAliasDeclaration":
        return [{ name: node.id.name, text: this.#slice(node.start, node.end) }];
      case "FunctionDeclaration":
      case "TSDeclareFunction":
        return [
          {
            name: node.id!.name,
            text: `${this.#slice(node.start, node.body?.start ?? node.end)
              .trim()
              .replace(/;$/, "")};`,
          },
        ];
      case "ClassDeclaration":
        return [{ name: node.id!.name, text: this.#class(node) }];
      case "VariableDeclaration":
        return node.declarations.map((each) => {
          if (each.id.type !== "Identifier") throw new Error(`${this.path}: an exported pattern is not understood`);
          const annotation = each.id.typeAnnotation;
          const value =
            annotation === null || annotation === undefined
              ? ` = ${this.#slice(each.init!.start, each.init!.end)}`
              : this.#slice(annotation.start, annotation.end);
          return { name: each.id.name, text: `${node.kind} ${each.id.name}${value};` };
        });
      default:
        throw new Error(`${this.path}: an exported ${node.type} is not understood`);
    }
  }

  #class(node: Extract<Node, { type: "ClassDeclaration" | "ClassExpression" }>): string {
    const members: string[] = [];
    for (const member of node.body.body) {
      if (member.type === "StaticBlock" || member.type === "TSIndexSignature") continue;
      if (member.key.type === "PrivateIdentifier" || member.accessibility === "private") continue;
      const doc = this.#docText(member.start);
      if (member.type === "MethodDefinition" || member.type === "TSAbstractMethodDefinition") {
        members.push(
          `${doc}  ${this.#slice(member.start, member.value.body?.start ?? member.end)
            .trim()
            .replace(/;$/, "")};`,
        );
      } else {
        const annotation = "typeAnnotation" in member ? member.typeAnnotation : null;
        const end = annotation === null || annotation === undefined ? member.end : annotation.end;
        members.push(`${doc}  ${this.#slice(member.start, end).trim().replace(/;$/, "")};`);
      }
    }
    return `${this.#slice(node.start, node.body.start)}{\n${members.join("\n")}\n}`;
  }

  #docText(start: number): string {
    const comment = this.#comments.find(
      ({ end, type }) => type === "Block" && end <= start && this.#text.slice(end, start).trim() === "",
    );
    return comment === undefined ? "" : `  ${this.#slice(comment.start, comment.end)}\n`;
  }

  #slice(start: number, end: number): string {
    return this.#text.slice(start, end);
  }
}

/** The words of a block comment. */
function cleanDoc(value: string): string {
  return value
    .replace(/^\*/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trim())
    .join("\n")
    .trim();
}
