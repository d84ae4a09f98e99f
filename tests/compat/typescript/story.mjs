// The official TypeScript client's first hour on a running server: node story.mjs URL API_KEY. Prints ALL OK and exits 0.
import assert from "node:assert/strict";
import { AgentMail, AgentMailClient } from "agentmail";

const [baseUrl, apiKey] = process.argv.slice(2);
const client = new AgentMailClient({ apiKey, baseUrl });

async function within(seconds, what, look) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const alice = await client.inboxes.create();
const bob = await client.inboxes.create({ username: "bob", displayName: "Bob", clientId: "bob-1", metadata: { seats: 5 } });
assert.equal((await client.inboxes.create({ clientId: "bob-1" })).inboxId, bob.inboxId);
assert.deepEqual((await client.inboxes.get(bob.inboxId)).metadata, { seats: 5 });

const sent = await client.inboxes.messages.send(alice.inboxId, {
  to: [bob.email],
  subject: "Hello",
  text: "ping",
  attachments: [{ filename: "a.txt", contentType: "text/plain", content: Buffer.from("data").toString("base64") }],
});
const arrived = await within(10, "the message in bob's inbox", async () => {
  const page = await client.inboxes.messages.list(bob.inboxId, { labels: ["unread", "received"] });
  return page.messages[0];
});
assert.equal(arrived.messageId, sent.messageId);

const message = await client.inboxes.messages.get(bob.inboxId, arrived.messageId);
assert.equal(message.text.trim(), "ping");
const file = await client.inboxes.messages.getAttachment(bob.inboxId, arrived.messageId, message.attachments[0].attachmentId);
assert.equal(await (await fetch(file.downloadUrl)).text(), "data");
const raw = await client.inboxes.messages.getRaw(bob.inboxId, arrived.messageId);
assert.match(await (await fetch(raw.downloadUrl)).text(), /Subject: Hello/);

const answer = await client.inboxes.messages.reply(bob.inboxId, arrived.messageId, { text: "pong" });
assert.equal(answer.threadId, arrived.threadId);
const thread = await within(10, "the answer in alice's thread", async () => {
  const found = await client.inboxes.threads.get(alice.inboxId, sent.threadId);
  return found.messages.length === 2 ? found : undefined;
});
assert.equal(thread.messages[1].extractedText.trim(), "pong");
const changed = await client.inboxes.messages.update(bob.inboxId, arrived.messageId, { addLabels: ["read"], removeLabels: ["unread"] });
assert.deepEqual(changed.labels, ["read", "received"]);

await assert.rejects(client.inboxes.messages.get(bob.inboxId, "<no/such@message>"), (error) => {
  assert.ok(error instanceof AgentMail.NotFoundError);
  assert.equal(error.body.code, "not_found");
  return true;
});
await client.inboxes.delete(bob.inboxId);
console.log("ALL OK");
