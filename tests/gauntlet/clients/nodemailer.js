// nodemailer: it adds a Message-ID and a Date, and tells in `rejected` who was refused; for several messages a pool.

const nodemailer = require("nodemailer");

const { SMTP_HOST, SMTP_PORT, SMTP_TO, SMTP_USER, SMTP_PASSWORD, SMTP_MESSAGES, SMTP_PAUSE } = process.env;

async function main() {
  const transport = nodemailer.createTransport({
    pool: Number(SMTP_MESSAGES) > 1,
    host: SMTP_HOST,
    port: Number(SMTP_PORT),
    secure: false,
    requireTLS: Boolean(SMTP_USER),
    auth: SMTP_USER ? { user: SMTP_USER, pass: SMTP_PASSWORD } : undefined,
    connectionTimeout: 4000,
    greetingTimeout: 4000,
    socketTimeout: 4000,
  });
  const refused = {};
  try {
    for (let number = 0; number < Number(SMTP_MESSAGES); number++) {
      if (number) await new Promise((resolve) => setTimeout(resolve, Number(SMTP_PAUSE) * 1000));
      const info = await transport.sendMail({
        from: "ann@example.com",
        to: SMTP_TO.split(","),
        subject: "Hello from nodemailer",
        text: "A line of text, of about the length that people write in their mails.\n".repeat(1500),
      });
      for (const error of info.rejectedErrors || []) refused[error.recipient] = error.response;
    }
  } finally {
    transport.close();
  }
  return refused;
}

function report(error, refused) {
  const sent = !error && Object.keys(refused).length === 0;
  console.log(JSON.stringify({ sent, error, refused }));
  process.exitCode = sent ? 0 : 1;
}

main().then(
  (refused) => report("", refused),
  (error) => report(error.message, {}),
);
