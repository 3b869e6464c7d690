// Calls over kept connections, without a process for each: for measuring, where the command line would cost more than the node.
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";

/** `(method, params)` to the result of a call to this node, as its owner or whoever has `token`. What it fails with has the `code` of the error. */
export function caller(node, { maxSockets = 64, keepAlive = true, token = owner(node).token } = {}) {
  const { port } = owner(node);
  const agent = new http.Agent({ keepAlive, maxSockets });
  return (method, params) =>
    new Promise((done, fail) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const request = http.request({ host: "127.0.0.1", port, path: "/api/rpc", method: "POST", agent, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (text += part));
        answer.on("end", () => {
          const { result, error } = JSON.parse(text);
          if (error) fail(Object.assign(new Error(error.message), { code: error.code }));
          else done(result);
        });
      });
      request.on("error", fail);
      request.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
    });
}

function owner(node) {
  return JSON.parse(readFileSync(join(node.data, "api.json")));
}
