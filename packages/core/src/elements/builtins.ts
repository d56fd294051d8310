/**
 * What all code in a process shares: the objects of the language. A plugin that changes one changes core and every
 * other plugin with it, in ways that no message would ever explain, so it is caught at the spot.
 */
const names = [
  ...["Object", "Function", "Array", "String", "Number", "Boolean", "Symbol", "BigInt", "Date", "RegExp", "Promise"],
  ...["Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Proxy", "Reflect", "JSON", "Math", "Intl", "Atomics"],
  ...["Error", "AggregateError", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"],
  ...["ArrayBuffer", "SharedArrayBuffer", "DataView", "Uint8Array", "Int8Array", "Uint16Array", "Int16Array"],
  ...["Uint32Array", "Int32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"],
  ...["Uint8ClampedArray", "FinalizationRegistry", "eval", "parseInt", "parseFloat", "isNaN", "isFinite"],
]; // not what Node adds: it makes some of that when it is first used

/** Meant to be set, for how stacks are shown. */
const settable: ReadonlySet<PropertyKey> = new Set(["Error.stackTraceLimit", "Error.prepareStackTrace"]);

interface Seen {
  readonly name: string;
  readonly prototype: unknown;
  readonly properties: ReadonlyMap<PropertyKey, PropertyDescriptor>;
}

export type Builtins = ReadonlyMap<object, Seen>;

export function readBuiltins(): Builtins {
  const seen = new Map<object, Seen>();
  const globals = new Map(names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const));
  seen.set(globalThis, { name: "globalThis", prototype: undefined, properties: onlyThere(globals) });
  for (const [name, object] of sharedObjects())
    if (!seen.has(object))
      seen.set(object, { name, prototype: Object.getPrototypeOf(object), properties: read(object) });
  return seen;
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

function* sharedObjects(): Generator<readonly [string, object]> {
  for (const name of names) {
    const value = (globalThis as Record<string, unknown>)[name];
    if (!isObject(value)) continue;
    yield [name, value];
    const { prototype } = value as { prototype?: unknown };
    if (isObject(prototype)) yield [`${name}.prototype`, prototype];
  }
  const prototypeOf = (value: object) => Object.getPrototypeOf(value) as object;
  yield ["TypedArray", prototypeOf(Uint8Array)];
  yield ["TypedArray.prototype", prototypeOf(Uint8Array.prototype)];
  yield ["Iterator.prototype", prototypeOf(prototypeOf([].values()))];
  yield ["Generator.prototype", prototypeOf(function* () {}.prototype as object)];
  yield ["AsyncFunction.prototype", prototypeOf(async () => {})];
  yield ["AsyncGenerator.prototype", prototypeOf(async function* () {}.prototype as object)];
}

const read = (object: object): Seen["properties"] =>
  onlyThere(
    new Map(Reflect.ownKeys(object).map((key) => [key, Object.getOwnPropertyDescriptor(object, key)] as const)),
  );

const onlyThere = <K>(map: ReadonlyMap<K, PropertyDescriptor | undefined>): Map<K, PropertyDescriptor> =>
  new Map([...map].filter((entry): entry is [K, PropertyDescriptor] => entry[1] !== undefined));

/** Undoes what was changed since, as far as it can be, and says what it was: `Array.prototype.flat`. */
export function restoreBuiltins(builtins: Builtins): string[] {
  const changed: string[] = [];
  for (const [object, { name, prototype, properties }] of builtins) {
    const keys =
      object === globalThis ? [...properties.keys()] : new Set([...Reflect.ownKeys(object), ...properties.keys()]);
    for (const key of keys) {
      const before = properties.get(key);
      const label = `${name}.${String(key)}`;
      if (isSame(before, Object.getOwnPropertyDescriptor(object, key)) || settable.has(label)) continue;
      changed.push(label);
      if (before === undefined) Reflect.deleteProperty(object, key);
      else Reflect.defineProperty(object, key, before);
    }
    if (object === globalThis || Object.getPrototypeOf(object) === prototype) continue;
    changed.push(`the prototype of ${name}`);
    Reflect.setPrototypeOf(object, prototype as object | null);
  }
  return changed;
}

const isSame = (a: PropertyDescriptor | undefined, b: PropertyDescriptor | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Object.is(a.value, b.value) && a.get === b.get && a.set === b.set);
