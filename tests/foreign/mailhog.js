// A test as users of the npm package "mailhog" write it, run by test_web_mailhog_client.py:
//   node mailhog.js SMTP_PORT HTTP_PORT          it sends by nodemailer, which is fetched beside it

const assert = require('node:assert/strict')
const nodemailer = require('nodemailer')

const [smtpPort, httpPort] = process.argv.slice(2).map(Number)
const mailhog = require('mailhog')({ host: '127.0.0.1', port: httpPort })
const transport = nodemailer.createTransport({ host: '127.0.0.1', port: smtpPort, secure: false, ignoreTLS: true })

async function main () {
  await mailhog.deleteAll()
  assert.deepEqual(await mailhog.messages(), { total: 0, count: 0, start: 0, items: [] })
  assert.equal(await mailhog.latestTo('bob@example.com'), 0)

  await transport.sendMail({
    from: 'Jané <jane@example.com>',
    to: 'bob@example.com',
    bcc: 'eve@example.com',
    cc: 'carl@example.com',
    replyTo: 'help@example.com',
    subject: 'Grüße',
    text: 'Ihr Code lautet 482913. Schöne Grüße',
    html: '<p>Schöne <b>Grüße</b></p>'
  })
  await transport.sendMail({
    from: 'x@example.com',
    to: 'y@example.com',
    subject: 'Other',
    text: 'Plain',
    attachments: [{ filename: 'terms.txt', content: 'The terms' }]
  })

  const all = await mailhog.messages()
  assert.deepEqual([all.total, all.count, all.start, all.items.length], [2, 2, 0, 2])
  assert.equal((await mailhog.messages(1, 1)).items[0].subject, 'Grüße')

  const mail = await mailhog.latestTo('bob@example.com')
  assert.equal(mail.subject, 'Grüße')
  assert.equal(mail.from, 'Jané <jane@example.com>')
  assert.equal(mail.to, 'bob@example.com')
  assert.equal(mail.cc, 'carl@example.com')
  assert.equal(mail.replyTo, 'help@example.com')
  assert.equal(mail.text.trim(), 'Ihr Code lautet 482913. Schöne Grüße')
  assert.equal(mail.html.trim(), '<p>Schöne <b>Grüße</b></p>')
  assert.ok(mail.date instanceof Date && !isNaN(mail.date))
  assert.ok(Math.abs(Date.now() - mail.deliveryDate) < 600000)
  const [terms] = (await mailhog.latestTo('y@example.com')).attachments
  assert.deepEqual([terms.name, terms.type, terms.encoding], ['terms.txt', 'text/plain; name=terms.txt', 'base64'])
  assert.equal(mailhog.decode(terms.Body, terms.encoding), 'The terms')
  assert.deepEqual(mail.Raw.To, ['bob@example.com', 'carl@example.com', 'eve@example.com'])

  assert.equal((await mailhog.latestFrom('jane@example')).ID, mail.ID)
  assert.equal((await mailhog.latestContaining('Plain')).subject, 'Other')
  assert.equal((await mailhog.search('example.com', 'from', 0, 1)).total, 2)
  assert.equal((await mailhog.search('nothing like it')).count, 0)

  assert.equal((await mailhog.deleteMessage(mail.ID)).statusCode, 200)
  assert.equal((await mailhog.deleteMessage(mail.ID)).statusCode, 500)
  assert.equal((await mailhog.messages()).total, 1)
  assert.equal((await mailhog.deleteAll()).statusCode, 200)
  assert.equal((await mailhog.messages()).total, 0)
  console.log('all as with MailHog')
}

main().catch(error => { console.error(error); process.exitCode = 1 })
