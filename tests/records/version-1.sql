-- A record as version 1 wrote it; its first line is of the kind before lines said whether they were early.
BEGIN TRANSACTION;
CREATE TABLE addresses (
	message INTEGER NOT NULL,
	role TEXT NOT NULL,
	address TEXT NOT NULL
);
INSERT INTO "addresses" VALUES(6,'to','bob@example.net');
INSERT INTO "addresses" VALUES(6,'from','ann@example.com');
CREATE TABLE contents (
	position INTEGER NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (position)
);
INSERT INTO "contents" VALUES(6,X'46726F6D3A20616E6E406578616D706C652E636F6D0D0A5375626A6563743A20496E766F69636520303831350D0A0D0A506179206E6F770D0A');
CREATE TABLE firings (
	position INTEGER NOT NULL,
	session_id TEXT NOT NULL,
	transaction_id TEXT NOT NULL,
	inbox TEXT NOT NULL,
	at DOUBLE NOT NULL,
	clock DOUBLE NOT NULL,
	point TEXT NOT NULL,
	rule TEXT NOT NULL,
	number INTEGER NOT NULL,
	actions TEXT NOT NULL,
	PRIMARY KEY (position)
);
INSERT INTO "firings" VALUES(5,'s1','t1','default',1001.0,1001.0,'rcpt','busy',1,'["reply: 450"]');
CREATE TABLE lines (
	position INTEGER NOT NULL,
	session_id TEXT NOT NULL,
	chunk TEXT NOT NULL,
	PRIMARY KEY (position)
);
INSERT INTO "lines" VALUES(2,'s1','[[1,1000.0,1000.0,"server","220 mail.example\r\n",0,"",0],[2,1000.0,1000.0,"client","EHLO café\r\n",0,"",0,1]]');
CREATE TABLE mailtrap_py (
	version INTEGER NOT NULL,
	position BIGINT NOT NULL,
	PRIMARY KEY (version)
);
INSERT INTO "mailtrap_py" VALUES(1,8);
CREATE TABLE messages (
	position INTEGER NOT NULL,
	id TEXT NOT NULL,
	inbox TEXT NOT NULL,
	session_id TEXT NOT NULL,
	transaction_id TEXT NOT NULL,
	at DOUBLE NOT NULL,
	clock DOUBLE NOT NULL,
	reverse_path TEXT NOT NULL,
	parameters TEXT NOT NULL,
	recipients TEXT NOT NULL,
	subject TEXT NOT NULL,
	from_ TEXT NOT NULL,
	"to" TEXT NOT NULL,
	cc TEXT NOT NULL,
	date TEXT NOT NULL,
	message_id TEXT NOT NULL,
	size BIGINT NOT NULL,
	attachments INTEGER NOT NULL,
	tls_version TEXT NOT NULL,
	user TEXT NOT NULL,
	client TEXT NOT NULL,
	helo TEXT NOT NULL,
	PRIMARY KEY (position),
	UNIQUE (id)
);
INSERT INTO "messages" VALUES(6,'m1','default','s1','t1',1002.0,1002.0,'ann@example.com','{"SIZE":"40"}','["bob@example.net"]','Invoice 0815','ann@example.com','','','','',57,0,'','','127.0.0.1','cafdce9');
CREATE TABLE sessions (
	position INTEGER NOT NULL,
	id TEXT NOT NULL,
	inbox TEXT NOT NULL,
	number INTEGER NOT NULL,
	at DOUBLE NOT NULL,
	clock DOUBLE NOT NULL,
	client TEXT NOT NULL,
	client_port INTEGER NOT NULL,
	port INTEGER NOT NULL,
	protocol TEXT NOT NULL,
	upstream TEXT NOT NULL,
	helo TEXT NOT NULL,
	esmtp BOOLEAN NOT NULL,
	tls_version TEXT NOT NULL,
	tls_cipher TEXT NOT NULL,
	user TEXT NOT NULL,
	mechanism TEXT NOT NULL,
	ended_at DOUBLE,
	ended_clock DOUBLE,
	ending TEXT NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (position),
	UNIQUE (id)
);
INSERT INTO "sessions" VALUES(1,'s1','default',1,1000.0,1000.0,'127.0.0.1',50000,1025,'smtp','','cafdce9',1,'','','','',1003.0,1003.0,'quit','');
CREATE TABLE transactions (
	position INTEGER NOT NULL,
	id TEXT NOT NULL,
	session_id TEXT NOT NULL,
	inbox TEXT NOT NULL,
	number INTEGER NOT NULL,
	started_at DOUBLE NOT NULL,
	started_clock DOUBLE NOT NULL,
	ended_at DOUBLE NOT NULL,
	ended_clock DOUBLE NOT NULL,
	reverse_path TEXT NOT NULL,
	parameters TEXT NOT NULL,
	recipients TEXT NOT NULL,
	outcome TEXT NOT NULL,
	acknowledged BOOLEAN NOT NULL,
	reply TEXT NOT NULL,
	rule TEXT NOT NULL,
	reason TEXT NOT NULL,
	octets BIGINT NOT NULL,
	message_id TEXT NOT NULL,
	PRIMARY KEY (position)
);
INSERT INTO "transactions" VALUES(7,'t1','s1','default',1,1001.0,1001.0,1002.0,1002.0,'ann@example.com','{}','[["bob@example.net",{},[250,"2.0.0",["Ok"],""],""]]','accepted',1,'[250,"2.0.0",["Ok"],""]','','',60,'m1');
CREATE INDEX ix_sessions_inbox ON sessions (inbox);
CREATE INDEX ix_lines_session_id ON lines (session_id);
CREATE INDEX ix_firings_inbox ON firings (inbox);
CREATE INDEX ix_firings_session_id ON firings (session_id);
CREATE INDEX ix_transactions_inbox ON transactions (inbox);
CREATE INDEX ix_transactions_session_id ON transactions (session_id);
CREATE INDEX ix_messages_session_id ON messages (session_id);
CREATE INDEX ix_messages_inbox ON messages (inbox);
CREATE INDEX ix_addresses_message ON addresses (message);
CREATE INDEX ix_addresses_address ON addresses (address, role, message);
COMMIT;
