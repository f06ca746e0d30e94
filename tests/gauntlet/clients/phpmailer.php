<?php
// PHPMailer: it adds a Message-ID and a Date, and throws when anything went wrong.

require_once 'libphp-phpmailer/src/Exception.php';
require_once 'libphp-phpmailer/src/PHPMailer.php';
require_once 'libphp-phpmailer/src/SMTP.php';

use PHPMailer\PHPMailer\Exception;
use PHPMailer\PHPMailer\PHPMailer;

$mail = new PHPMailer(true);
$error = '';
try {
    $mail->isSMTP();
    $mail->Host = getenv('SMTP_HOST');
    $mail->Port = (int) getenv('SMTP_PORT');
    $mail->Timeout = 4;
    $mail->SMTPKeepAlive = getenv('SMTP_MESSAGES') > 1;
    if (getenv('SMTP_USER')) {
        $mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
        $mail->SMTPAuth = true;
        $mail->Username = getenv('SMTP_USER');
        $mail->Password = getenv('SMTP_PASSWORD');
    }
    $mail->setFrom('ann@example.com');
    foreach (explode(',', getenv('SMTP_TO')) as $address) {
        $mail->addAddress($address);
    }
    $mail->Subject = 'Hello from PHPMailer';
    $mail->Body = str_repeat("A line of text, of about the length that people write in their mails.\n", 1500);
    for ($number = 0; $number < getenv('SMTP_MESSAGES'); $number++) {
        if ($number) {
            usleep((int) (getenv('SMTP_PAUSE') * 1000000));
        }
        $mail->send();
    }
    $mail->smtpClose();
} catch (Exception $problem) {
    $error = trim($problem->getMessage());
}
echo json_encode(['sent' => $error === '', 'error' => $error, 'refused' => new stdClass()], JSON_INVALID_UTF8_SUBSTITUTE);
exit($error === '' ? 0 : 1);
