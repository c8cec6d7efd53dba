CREATE TABLE gridmap.api_key (
    id SERIAL NOT NULL,
    prefix TEXT NOT NULL,
    digest BYTEA NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    town TEXT NOT NULL,
    rate_per_minute INTEGER,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_key PRIMARY KEY (id),
    CONSTRAINT uq_api_key_prefix UNIQUE (prefix),
    CONSTRAINT uq_api_key_digest UNIQUE (digest)
);

CREATE TABLE gridmap.app_user (
    id SERIAL NOT NULL,
    username TEXT NOT NULL,
    password TEXT NOT NULL,
    role TEXT NOT NULL,
    town TEXT NOT NULL,
    disabled BOOLEAN DEFAULT false NOT NULL,
    failed INTEGER DEFAULT 0 NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_app_user PRIMARY KEY (id),
    CONSTRAINT uq_app_user_username UNIQUE (username)
);

CREATE TABLE gridmap.user_session (
    digest BYTEA NOT NULL,
    user_id INTEGER NOT NULL,
    csrf BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_user_session PRIMARY KEY (digest),
    CONSTRAINT fk_user_session_user_id FOREIGN KEY(user_id) REFERENCES gridmap.app_user (id) ON DELETE CASCADE
);

CREATE INDEX ix_user_session_user_id ON gridmap.user_session (user_id);

CREATE TABLE gridmap.audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail JSONB DEFAULT '{}' NOT NULL,
    request_id TEXT,
    CONSTRAINT pk_audit PRIMARY KEY (id)
);

CREATE INDEX ix_audit_at ON gridmap.audit (at);

CREATE INDEX ix_audit_subject ON gridmap.audit (subject);

CREATE TABLE gridmap.idempotency (
    key TEXT NOT NULL,
    actor TEXT NOT NULL,
    asked BYTEA NOT NULL,
    answer JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (key, actor)
);

CREATE TABLE gridmap.state (
    id SERIAL NOT NULL,
    generation BIGINT NOT NULL,
    CONSTRAINT pk_state PRIMARY KEY (id),
    CONSTRAINT ck_state_single CHECK (id = 1)
);
