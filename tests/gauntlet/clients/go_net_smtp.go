// Go's net/smtp: one message by smtp.SendMail, which takes no time-out.
package main

import (
	"encoding/json"
	"fmt"
	"net/smtp"
	"os"
	"strings"
	"time"
)

func main() {
	host, recipients := os.Getenv("SMTP_HOST"), strings.Split(os.Getenv("SMTP_TO"), ",")
	message := strings.Join([]string{
		"From: ann@example.com",
		"To: " + strings.Join(recipients, ", "),
		"Subject: Hello from net/smtp",
		"Date: " + time.Now().Format(time.RFC1123Z),
		fmt.Sprintf("Message-ID: <%d.%d@example.com>", time.Now().UnixNano(), os.Getpid()),
		"",
		strings.Repeat("A line of text, of about the length that people write in their mails.\r\n", 1500),
	}, "\r\n")
	var login smtp.Auth
	if user := os.Getenv("SMTP_USER"); user != "" {
		login = smtp.PlainAuth("", user, os.Getenv("SMTP_PASSWORD"), host)
	}
	err := smtp.SendMail(host+":"+os.Getenv("SMTP_PORT"), login, "ann@example.com", recipients, []byte(message))
	report := map[string]any{"sent": err == nil, "error": "", "refused": map[string]string{}}
	if err != nil {
		report["error"] = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(report)
	if err != nil {
		os.Exit(1)
	}
}
