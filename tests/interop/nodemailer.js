// Composes a mail and sends it, as a Node application does; prints the mail that it sent.
// node nodemailer.js HOST PORT plain|starttls|smtps CA-FILE JSON-OF-THE-LETTER

const fs = require("fs");
const nodemailer = require("nodemailer");
const MailComposer = require("nodemailer/lib/mail-composer");

async function main([host, port, security, ca, letter]) {
  const mail = JSON.parse(letter);
  const transport = nodemailer.createTransport({
    host,
    port: Number(port),
    secure: security === "smtps",
    ignoreTLS: security === "plain",
    requireTLS: security === "starttls",
    tls: { ca: fs.readFileSync(ca) },
    name: "client.example",
  });
  const composed = await new MailComposer({
    from: mail.from,
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    attachments: [{ filename: "Übersicht.bin", content: Buffer.from(mail.attachment, "base64") }],
    newline: "\r\n",
  }).compile().build();
  await transport.sendMail({ envelope: { from: mail.from, to: mail.to }, raw: composed });
  transport.close();
  process.stdout.write(composed);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
