/**
 * The errors that a person or a program using the library can meet.
 *
 * What a guest does wrong is never an error here: guest faults are values. Only bad input and
 * defects of the host side throw.
 *
 * @module
 */

/** Base class of all errors thrown on purpose; `code` tells them apart without the text. */
export class UnderstudyError extends Error {
  /** Stable name of the error, for programs: lower case with hyphens. */
  readonly code: string;

  /**
   * An error with its code.
   *
   * @param code Stable name, as `bad-input`.
   * @param message One line for a person.
   */
  constructor(code: string, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * Bad input from a person: a file, an option or a configuration value. The message is one line
 * that names the place, what is wrong there and what is allowed.
 */
export class InputError extends UnderstudyError {
  /** File and part of it, or the option or key. */
  readonly where: string;
  /** What is wrong there. */
  readonly what: string;
  /** What is allowed, if that can be said in a few words. */
  readonly allowed: string | undefined;

  /**
   * An error in one line: `where: what; allowed`.
   *
   * @param where File and part of it, or the option or key.
   * @param what What is wrong there.
   * @param allowed What is allowed.
   */
  constructor(where: string, what: string, allowed?: string) {
    const line = allowed === undefined ? `${where}: ${what}` : `${where}: ${what}; ${allowed}`;
    super("bad-input", line.replace(/[\r\n]+/g, " "));
    this.where = where;
    this.what = what;
    this.allowed = allowed;
  }
}
