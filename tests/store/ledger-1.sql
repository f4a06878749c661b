BEGIN TRANSACTION;
CREATE TABLE attempts (
	run_id TEXT NOT NULL, 
	subtask TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	tier TEXT NOT NULL, 
	model TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	rounds INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	base TEXT NOT NULL, 
	"commit" TEXT, 
	summary TEXT NOT NULL, 
	confidence FLOAT NOT NULL, 
	proven INTEGER NOT NULL, 
	checks JSON NOT NULL, 
	duration_s FLOAT NOT NULL, 
	started_at FLOAT NOT NULL, 
	PRIMARY KEY (run_id, subtask, n)
);
INSERT INTO "attempts" VALUES('20260101-000000-abcd','auth',1,'haiku','claude-haiku-5-5','passed',1,'','','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','cccccccccccccccccccccccccccccccccccccccc','moved',0.9,1,'[]',9.0,1001.0);
CREATE TABLE cache (
	kind TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value JSON, 
	PRIMARY KEY (kind, "key")
);
INSERT INTO "cache" VALUES('explore','k','{"answer": "a"}');
CREATE TABLE calls (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	parent INTEGER, 
	subtask TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	agent TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	tier TEXT NOT NULL, 
	runner TEXT NOT NULL, 
	requested_model TEXT NOT NULL, 
	served_model TEXT, 
	session_id TEXT, 
	requests INTEGER NOT NULL, 
	input_tokens INTEGER NOT NULL, 
	output_tokens INTEGER NOT NULL, 
	cache_read_tokens INTEGER NOT NULL, 
	cache_write_5m_tokens INTEGER NOT NULL, 
	cache_write_1h_tokens INTEGER NOT NULL, 
	cost_usd FLOAT, 
	cli_cost_usd FLOAT, 
	ttft_s FLOAT, 
	duration_s FLOAT, 
	task_class TEXT NOT NULL, 
	outcome TEXT, 
	started_at FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "calls" VALUES(1,'20260101-000000-abcd',NULL,'auth',1,'execute','execute','haiku','claude_code','claude-haiku-5-5','claude-haiku-5-5',NULL,1,10,5,0,0,0,0.001,NULL,NULL,2.0,'implement/simple','passed',1.79541677595239973063e+09);
CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subtask TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	agent TEXT NOT NULL, 
	tier TEXT NOT NULL, 
	data JSON NOT NULL, 
	at FLOAT NOT NULL
);
INSERT INTO "events" VALUES(1,'20260101-000000-abcd','run_started','-',0,'','','{"goal": "refactor auth"}',1.79541677595913147925e+09);
CREATE TABLE runs (
	id TEXT NOT NULL, 
	workflow TEXT NOT NULL, 
	repo_root TEXT NOT NULL, 
	common_dir TEXT NOT NULL, 
	goal TEXT NOT NULL, 
	status TEXT NOT NULL, 
	base TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	head TEXT, 
	budget_usd FLOAT, 
	spec JSON NOT NULL, 
	"plan" JSON, 
	reason TEXT NOT NULL, 
	pid INTEGER, 
	pid_mark TEXT, 
	created_at FLOAT NOT NULL, 
	finished_at FLOAT, 
	active_s FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('20260101-000000-abcd','run','/repo','/repo/.git','refactor auth','succeeded','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','agentflow/20260101-000000-abcd',NULL,NULL,'{"checks": ["pytest -q"]}',NULL,'',NULL,NULL,1000.0,NULL,0.0);
CREATE TABLE schema_version (
	version INTEGER NOT NULL
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE subtasks (
	run_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	status TEXT NOT NULL, 
	tier TEXT, 
	"commit" TEXT, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (run_id, id)
);
INSERT INTO "subtasks" VALUES('20260101-000000-abcd','auth',0,'Move auth','merged','haiku','cccccccccccccccccccccccccccccccccccccccc','');
CREATE INDEX runs_by_repository ON runs (common_dir, created_at);
CREATE INDEX ix_calls_parent ON calls (parent);
CREATE INDEX ix_calls_run_id ON calls (run_id);
CREATE INDEX events_by_run ON events (run_id, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',1);
COMMIT;
