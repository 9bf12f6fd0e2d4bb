/**
 * The part of NATS JetStream that campaigns use. The packages are loaded only when a queue is used,
 * by a name that is no literal: what a literal names is fetched at every first start.
 *
 * @module
 */

import { InputError } from "../mod.ts";

/** A message of a stream. */
export interface QueueMessage {
  /** Its subject. */
  readonly subject: string;
  /** Its content. */
  readonly data: Uint8Array;
  /** Done: it is not delivered again. */
  ack(): void;
  /** Done, and waits until the server knows. */
  ackAck(): Promise<boolean>;
  /** Not done: it is delivered again after so many milliseconds. */
  nak(delay?: number): void;
  /** Still at it. */
  working(): void;
}

/** Takes messages of a stream. */
export interface QueueConsumer {
  /** The next message, null when none came in time (milliseconds). */
  next(options: { expires: number }): Promise<QueueMessage | null>;
  /** Some messages. */
  fetch(options: { max_messages: number; expires: number }): Promise<AsyncIterable<QueueMessage>>;
}

interface JetStreamManager {
  readonly streams: {
    add(config: object): Promise<unknown>;
    purge(stream: string, options: { filter: string }): Promise<unknown>;
    getMessage(
      stream: string,
      query: { last_by_subj: string },
    ): Promise<{ readonly data: Uint8Array } | null>;
  };
  readonly consumers: {
    add(stream: string, config: object): Promise<unknown>;
    info(
      stream: string,
      consumer: string,
    ): Promise<{ readonly num_pending: number; readonly num_ack_pending: number }>;
  };
}

interface JetStream {
  publish(subject: string, data: Uint8Array, options?: { msgID: string }): Promise<unknown>;
  readonly consumers: { get(stream: string, consumer: string): Promise<QueueConsumer> };
}

interface Connection {
  close(): Promise<void>;
  closed(): Promise<unknown>;
}

const TRANSPORT = "npm:@nats-io/transport-node@3.4.0";
const JETSTREAM = "npm:@nats-io/jetstream@3.4.0";
const NANOSECONDS = 1e6;

/** A connection to a server with JetStream. */
export class Queue {
  readonly #connection: Connection;
  readonly #manager: JetStreamManager;
  readonly #stream: JetStream;

  private constructor(connection: Connection, manager: JetStreamManager, stream: JetStream) {
    this.#connection = connection;
    this.#manager = manager;
    this.#stream = stream;
  }

  /**
   * Connects, and goes on trying when the server goes away later.
   *
   * @param url nats://HOST:PORT.
   * @throws {InputError} When there is no such server, or it has no JetStream.
   */
  static async connect(url: string): Promise<Queue> {
    if (!/^(nats|tls):\/\/[^/\s]+$/.test(url)) {
      throw new InputError("--queue", `"${url}"`, "allowed: nats://HOST:PORT");
    }
    try {
      const { connect } = await import(TRANSPORT);
      const { jetstream, jetstreamManager } = await import(JETSTREAM);
      const connection = await connect({
        servers: url,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 500,
        timeout: 5000,
      });
      try {
        return new Queue(connection, await jetstreamManager(connection), jetstream(connection));
      } catch (error) {
        await connection.close();
        throw error;
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (/--allow-net/.test(reason)) {
        throw new InputError(
          `--queue ${url}`,
          "the network may not be used",
          "run deno task understudy-net, or give --allow-net",
        );
      }
      throw new InputError(
        `--queue ${url}`,
        `no JetStream there: ${reason}`,
        "start one by nats-server -js",
      );
    }
  }

  /** Makes a stream if it is not there; the same again does nothing. */
  async addStream(
    config: Readonly<Record<string, unknown>> & { readonly name: string },
  ): Promise<void> {
    await this.#manager.streams.add({ storage: "file", ...config });
  }

  /**
   * Makes a consumer if it is not there.
   *
   * @param wait Milliseconds without a sign of life after which a message goes to another.
   */
  async consumer(
    stream: string,
    name: string,
    filter: string,
    wait: number,
  ): Promise<QueueConsumer> {
    await this.#manager.consumers.add(stream, {
      durable_name: name,
      ack_policy: "explicit",
      ack_wait: wait * NANOSECONDS,
      filter_subject: filter,
      max_ack_pending: 100_000,
      max_deliver: -1,
    });
    return await this.#stream.consumers.get(stream, name);
  }

  /** Messages of a consumer that wait, and those that somebody works at. */
  async open(stream: string, consumer: string): Promise<number> {
    const { num_pending, num_ack_pending } = await this.#manager.consumers.info(stream, consumer);
    return num_pending + num_ack_pending;
  }

  /** Takes the messages of a subject out. */
  async purge(stream: string, filter: string): Promise<void> {
    await this.#manager.streams.purge(stream, { filter });
  }

  /** The newest message of a subject. */
  async last(stream: string, subject: string): Promise<Uint8Array | undefined> {
    try {
      return (await this.#manager.streams.getMessage(stream, { last_by_subj: subject }))?.data;
    } catch {
      return undefined;
    }
  }

  /**
   * Publishes a message and waits until the server has it; tries again while the server is away.
   *
   * @param id Two messages with one id are one.
   */
  async publish(subject: string, value: unknown, id?: string): Promise<void> {
    const data = new TextEncoder().encode(JSON.stringify(value));
    for (let attempt = 0;; attempt++) {
      try {
        await this.#stream.publish(subject, data, id === undefined ? undefined : { msgID: id });
        return;
      } catch (error) {
        if (attempt >= PUBLISH_ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, PUBLISH_WAIT));
      }
    }
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.#connection.close();
  }
}

const PUBLISH_ATTEMPTS = 120;
const PUBLISH_WAIT = 500;

/** Reads a message. */
export function messageValue<T>({ data }: { readonly data: Uint8Array }): T {
  return JSON.parse(new TextDecoder().decode(data)) as T;
}
