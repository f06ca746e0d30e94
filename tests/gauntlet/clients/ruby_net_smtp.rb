# Ruby's Net::SMTP: it raises when anything went wrong.

require "json"
require "net/smtp"
require "securerandom"
require "time"

recipients = ENV.fetch("SMTP_TO").split(",")
body = "A line of text, of about the length that people write in their mails.\n" * 1500
head = <<~MAIL
  From: ann@example.com
  To: #{recipients.join(", ")}
  Subject: Hello from Net::SMTP
  Date: #{Time.now.rfc2822}
MAIL

error = ""
begin
  smtp = Net::SMTP.new(ENV.fetch("SMTP_HOST"), ENV.fetch("SMTP_PORT").to_i)
  smtp.open_timeout = 4
  smtp.read_timeout = 4
  login = {}
  unless ENV.fetch("SMTP_USER").empty?
    smtp.enable_starttls
    login = { user: ENV["SMTP_USER"], secret: ENV["SMTP_PASSWORD"], authtype: :plain }
  end
  smtp.start(**login) do
    ENV.fetch("SMTP_MESSAGES").to_i.times do |number|
      sleep(ENV.fetch("SMTP_PAUSE").to_f) if number.positive?
      message = "#{head}Message-ID: <#{SecureRandom.uuid}@example.com>\n\n#{body}"
      smtp.send_message(message, "ann@example.com", *recipients)
    end
  end
rescue Net::ProtocolError, Net::OpenTimeout, Net::ReadTimeout, OpenSSL::SSL::SSLError, IOError, SystemCallError => problem
  error = "#{problem.class}: #{problem.message.dup.force_encoding("UTF-8").scrub.strip}"
end
puts JSON.generate({ sent: error.empty?, error: error, refused: {} })
exit error.empty? ? 0 : 1
