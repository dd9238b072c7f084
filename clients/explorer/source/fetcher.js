/** Asks: queries and mutations over HTTP, subscriptions over graphql-transport-ws. */
import { Kind, parse } from "graphql";
import { createClient } from "graphql-ws";

const ANSWER_LIMIT = 60_000; // ms
const ACKNOWLEDGE_LIMIT = 10_000; // ms
const SHOWN_EVENTS = 20;
const READING = "IntrospectionQuery";

/** `begin` is told of each run, and `accept` of what came of it; GraphiQL's reading of the schema is no run. */
export function makeFetcher({ url, socket, begin, accept }) {
  return async (sent, { headers = {} } = {}) => {
    const operation = chosen(sent);
    const params = { ...sent, operationName: operation?.name?.value };
    if (params.operationName === READING) return ask(url, params, headers);
    begin();
    if (operation?.operation === "subscription") return listen(socket, params, headers, accept);
    const result = await ask(url, params, headers);
    accept(result);
    return result;
  };
}

/** The operation to run. For a moment after a tab was opened, GraphiQL still has the name of the last tab's. */
function chosen({ query, operationName }) {
  try {
    const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    return operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  } catch {
    return undefined; // What cannot be parsed here is for the server to refuse.
  }
}

async function ask(url, params, headers) {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json;q=0.9",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(params),
    signal: AbortSignal.timeout(ANSWER_LIMIT),
  });
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${answer.status} without JSON: ${text.slice(0, 500)}`);
  }
}

/** One socket a subscription, opened with the token of the Headers box; shows the last events, newest first. */
function listen(socket, params, headers, accept) {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === "authorization");
  return {
    subscribe(observer) {
      const client = createClient({
        url: socket,
        lazy: true,
        // A socket that closes is shown, with its code: whoever explores should see it.
        retryAttempts: 0,
        connectionAckWaitTimeout: ACKNOWLEDGE_LIMIT,
        connectionParams: name ? { authorization: headers[name] } : {},
      });
      let received = 0;
      let newestFirst = [];
      const stop = client.subscribe(params, {
        next(event) {
          received += 1;
          newestFirst = [event, ...newestFirst].slice(0, SHOWN_EVENTS);
          observer.next({ received, newestFirst });
        },
        error(reason) {
          if (Array.isArray(reason)) {
            accept({ errors: reason });
            observer.next({ errors: reason, received, newestFirst });
            observer.complete();
          } else {
            observer.error(explain(reason));
          }
        },
        complete: () => observer.complete(),
      });
      return {
        unsubscribe() {
          stop();
          client.dispose();
        },
      };
    },
  };
}

function explain(reason) {
  if (reason instanceof Error) return reason;
  const { code, reason: words } = reason ?? {};
  return new Error(`The server closed the socket${code ? ` with ${code}` : ""}${words ? `: ${words}` : "."}`);
}
