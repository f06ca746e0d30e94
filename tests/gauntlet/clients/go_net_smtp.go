// Go's net/smtp: each message by smtp.SendMail, which takes no time-out, and opens a connection each time.
package main

import (
	"encoding/json"
	"fmt"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	host, recipients := os.Getenv("SMTP_HOST"), strings.Split(os.Getenv("SMTP_TO"), ",")
	messages, _ := strconv.Atoi(os.Getenv("SMTP_MESSAGES"))
	pause, _ := strconv.ParseFloat(os.Getenv("SMTP_PAUSE"), 64)
	var login smtp.Auth
	if user := os.Getenv("SMTP_USER"); user != "" {
		login = smtp.PlainAuth("", user, os.Getenv("SMTP_PASSWORD"), host)
	}
	var err error
	for number := 0; number < messages && err == nil; number++ {
		if number > 0 {
			time.Sleep(time.Duration(pause * float64(time.Second)))
		}
		message := strings.Join([]string{
			"From: ann@example.com",
			"To: " + strings.Join(recipients, ", "),
			"Subject: Hello from net/smtp",
			"Date: " + time.Now().Format(time.RFC1123Z),
			fmt.Sprintf("Message-ID: <%d.%d@example.com>", time.Now().UnixNano(), os.Getpid()),
			"",
			strings.Repeat("A line of text, of about the length that people write in their mails.\r\n", 1500),
		}, "\r\n")
		err = smtp.SendMail(host+":"+os.Getenv("SMTP_PORT"), login, "ann@example.com", recipients, []byte(message))
	}
	report := map[string]any{"sent": err == nil, "error": "", "refused": map[string]string{}}
	if err != nil {
		report["error"] = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(report)
	if err != nil {
		os.Exit(1)
	}
}
