// Drives Chromium over its debugging pipe: a virtual authenticator, the page, and what the page found out.
import { spawn } from "node:child_process";

const [program, origin, api, access, profile] = process.argv.slice(2);
const browser = spawn(
  program,
  [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank",
  ],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
);
browser.on("exit", (code) => {
  if (!done) {
    console.error(`the browser ended with ${code}`);
    process.exit(1);
  }
});
let done = false;
const [toBrowser, fromBrowser] = [browser.stdio[3], browser.stdio[4]];
const waiting = new Map();
const listeners = new Map();
let held = "";
fromBrowser.setEncoding("utf8");
fromBrowser.on("data", (chunk) => {
  const messages = (held + chunk).split("\0");
  held = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) {
    if (message.id === undefined) {
      listeners.get(message.method)?.(message.params);
      continue;
    }
    const { resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) reject(new Error(JSON.stringify(message.error)));
    else resolve(message.result);
  }
});
let last = 0;
function send(method, params = {}, sessionId) {
  const id = ++last;
  const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  toBrowser.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return answer;
}

const { targetId } = await send("Target.createTarget", { url: "about:blank" });
const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
const page = (method, params) => send(method, params, sessionId);
await page("Page.enable");
await page("WebAuthn.enable", { enableUI: false });
const { authenticatorId } = await page("WebAuthn.addVirtualAuthenticator", {
  options: {
    protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true,
    hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
  },
});
const loaded = new Promise((resolve) => listeners.set("Page.loadEventFired", resolve));
await page("Page.navigate", { url: `${origin}/` });
await loaded;
async function evaluate(expression) {
  const { result, exceptionDetails } = await page("Runtime.evaluate", {
    expression, awaitPromise: true, returnByValue: true, userGesture: true,
  });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
const seen = await evaluate(`registerAndLogIn(${JSON.stringify(api)}, ${JSON.stringify(access)})`);
await page("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
seen.unverified = await evaluate(`failure(logIn(${JSON.stringify(api)}))`);
console.log(JSON.stringify(seen));
done = true;
browser.kill();
process.exit(0);
