// The two wires to a server, in this process: a WebSocket that speaks graphql-transport-ws, and a fetch.

/** What the sockets do when something is said to them, each by its own; without `opens` they hang. */
export function sockets(script, { opens = true } = {}) {
  const opened = [];
  class Wire extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    readyState = Wire.CONNECTING;
    subscriptions = [];

    constructor(url, protocol) {
      super();
      Object.assign(this, { url, protocol, number: opened.push(this) - 1 });
      queueMicrotask(() => {
        if (!opens) return;
        this.readyState = Wire.OPEN;
        this.onopen();
      });
    }

    send(text) {
      const message = JSON.parse(text);
      if (message.type === 'connection_init') {
        this.authorization = message.payload.authorization;
        script(this, 'init');
      } else if (message.type === 'subscribe') {
        this.subscriptions.push({ id: message.id, ...message.payload });
        script(this, 'subscribe', message);
      } else script(this, message.type);
    }

    say(message) {
      queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(message) }));
    }

    ends(code, reason = 'over') {
      this.readyState = Wire.CLOSED;
      queueMicrotask(() => this.onclose?.({ code, reason }));
    }

    close(code, reason) {
      this.ends(code, reason);
    }
  }
  return { Wire, opened };
}

/** Answers by the script, which is told how many were asked before, and what is asked. */
export function fetching(script) {
  const asked = [];
  const fetch = async (url, { headers, body }) => {
    const number = asked.push({ url, authorization: headers.authorization, ...JSON.parse(body) }) - 1;
    const { status = 200, ...answer } = await script(number, asked[number]);
    return { status, text: async () => answer.text ?? JSON.stringify(answer) };
  };
  return { fetch, asked };
}
