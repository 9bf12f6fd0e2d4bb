/// <reference lib="deno.unstable" />

/**
 * Lint rules of our own, loaded by `deno lint`: what `core/` may name.
 *
 * `core/` runs in Deno, Node, Bun and a browser, and a run is a function of its input alone. So a
 * file there imports only its neighbours, and names neither the runtime nor its clock or dice.
 *
 * @module
 */

/** Globals that a file of `core/` must not name: what they give is not the same on every host. */
const HOST_GLOBALS: ReadonlySet<string> = new Set([
  "Bun",
  "Buffer",
  "Date",
  "Deno",
  "Temporal",
  "crypto",
  "document",
  "fetch",
  "localStorage",
  "navigator",
  "performance",
  "process",
  "require",
]);

/** True for a source file of the flat folder `core/`. */
function inCore(filename: string): boolean {
  return /(^|[\\/])core[\\/][^\\/]+\.ts$/.test(filename);
}

/** True where the identifier is only the name of a member, a key or a label. */
function isMemberName(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.shorthand;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node && !parent.computed;
    case "TSQualifiedName":
      return parent.right === node;
    default:
      return false;
  }
}

/** The rules `understudy/core-imports` and `understudy/core-host`. */
const plugin: Deno.lint.Plugin = {
  name: "understudy",
  rules: {
    "core-imports": {
      create(context): Deno.lint.LintVisitor {
        if (!inCore(context.filename)) return {};
        const judge = (source: Deno.lint.Expression | null): void => {
          if (source === null) return;
          const value = source.type === "Literal" ? source.value : undefined;
          if (typeof value === "string" && /^\.\/[a-z0-9_]+\.ts$/.test(value)) return;
          context.report({
            node: source,
            message: "core/ imports nothing but its own files",
            hint: 'write "./name.ts" of a file in core/, or move this code to cli/ or tasks/',
          });
        };
        return {
          ImportDeclaration: (node) => judge(node.source),
          ExportAllDeclaration: (node) => judge(node.source),
          ExportNamedDeclaration: (node) => judge(node.source),
          ImportExpression: (node) => judge(node.source),
        };
      },
    },
    "core-host": {
      create(context): Deno.lint.LintVisitor {
        if (!inCore(context.filename)) return {};
        return {
          Identifier(node): void {
            if (!HOST_GLOBALS.has(node.name) || isMemberName(node)) return;
            context.report({
              node,
              message: `core/ does not name \`${node.name}\`: a run depends on its input alone`,
              hint: "let the caller pass in what is needed",
            });
          },
          VariableDeclaration(node): void {
            if (node.kind !== "using" && node.kind !== "await using") return;
            context.report({
              node,
              message: "core/ does not use `using`: Node 20 does not know it",
              hint: "call [Symbol.dispose]() in a finally clause",
            });
          },
          MemberExpression(node): void {
            if (
              node.object.type === "Identifier" && node.object.name === "Math" &&
              node.property.type === "Identifier" && node.property.name === "random"
            ) {
              context.report({
                node,
                message: "core/ does not use `Math.random`: a run depends on its seed alone",
              });
            }
          },
        };
      },
    },
  },
};

export default plugin;
