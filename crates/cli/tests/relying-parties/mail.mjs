// A mail server that others wrote (Nodemailer's smtp-server): SMTP with STARTTLS or with TLS from the first byte, and a login. It takes
// { secure, key, cert, username, password } on the first line of its stdin, prints { port }, and then a line for each mail.
import { createInterface } from "node:readline";
import { SMTPServer } from "smtp-server";

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse(await new Promise((resolve) => lines.once("line", resolve)));
lines.once("close", () => process.exit(0));
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const server = new SMTPServer({
  secure: settings.secure,
  key: settings.key,
  cert: settings.cert,
  authMethods: ["PLAIN", "LOGIN"],
  onAuth: ({ username, password }, session, done) => {
    const right = session.secure && username === settings.username && password === settings.password;
    done(right ? null : new Error("who is that?"), { user: username });
  },
  onData: (stream, { secure, user, envelope }, done) => {
    let data = "";
    stream.setEncoding("utf8");
    stream.on("data", (piece) => (data += piece));
    stream.on("end", () => {
      const from = envelope.mailFrom.address;
      print({ secure, user, from, to: envelope.rcptTo.map(({ address }) => address), data });
      done(null, "2.0.0 Ok: queued as 4Xy1z");
    });
  },
});
server.on("error", () => {});
server.listen(0, "127.0.0.1", () => print({ port: server.server.address().port }));
