CREATE TABLE gridmap.plan_version (
    id SERIAL NOT NULL,
    version TEXT NOT NULL,
    name TEXT NOT NULL,
    note TEXT NOT NULL,
    status TEXT NOT NULL,
    layout TEXT NOT NULL,
    srid INTEGER NOT NULL,
    plan_metadata JSONB NOT NULL,
    extent geometry(GEOMETRY,4326) NOT NULL,
    base_version TEXT,
    town TEXT,
    proposed_by TEXT NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    approved_by TEXT,
    approved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_plan_version PRIMARY KEY (id),
    CONSTRAINT ck_plan_version_status CHECK (status in ('proposed', 'approved', 'published', 'withdrawn')),
    CONSTRAINT uq_plan_version_version UNIQUE (version)
);

CREATE TABLE gridmap.level (
    plan_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    tiles BOOLEAN NOT NULL,
    digits INTEGER NOT NULL,
    CONSTRAINT pk_level PRIMARY KEY (plan_id, position),
    CONSTRAINT fk_level_plan_id FOREIGN KEY(plan_id) REFERENCES gridmap.plan_version (id) ON DELETE CASCADE
);

CREATE TABLE gridmap.grid (
    id SERIAL NOT NULL,
    level TEXT NOT NULL,
    code TEXT NOT NULL,
    digest BYTEA NOT NULL,
    name TEXT,
    parent TEXT,
    kind TEXT,
    area_m2 DOUBLE PRECISION,
    households DOUBLE PRECISION,
    residents DOUBLE PRECISION,
    land_use TEXT,
    grade TEXT,
    responsible_body TEXT,
    line_department TEXT,
    valid_from TIMESTAMP WITH TIME ZONE,
    valid_to TIMESTAMP WITH TIME ZONE,
    geometry geometry(GEOMETRY,4326) NOT NULL,
    active TSTZMULTIRANGE DEFAULT '{}' NOT NULL,
    CONSTRAINT pk_grid PRIMARY KEY (id),
    CONSTRAINT uq_grid_level_code_digest UNIQUE (level, code, digest),
    CONSTRAINT one_code_at_a_time EXCLUDE USING gist (level WITH =, code WITH =, active WITH &&)
);

CREATE INDEX ix_grid_geometry ON gridmap.grid USING gist (geometry);

CREATE INDEX ix_grid_parent ON gridmap.grid (level, parent);

CREATE TABLE gridmap.plan_grid (
    plan_id INTEGER NOT NULL,
    grid_id INTEGER NOT NULL,
    CONSTRAINT pk_plan_grid PRIMARY KEY (plan_id, grid_id),
    CONSTRAINT fk_plan_grid_plan_id FOREIGN KEY(plan_id) REFERENCES gridmap.plan_version (id) ON DELETE CASCADE,
    CONSTRAINT fk_plan_grid_grid_id FOREIGN KEY(grid_id) REFERENCES gridmap.grid (id)
);

CREATE INDEX ix_plan_grid_grid_id ON gridmap.plan_grid (grid_id);

CREATE TABLE gridmap.lineage (
    plan_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    level TEXT,
    "old" TEXT,
    "new" TEXT,
    date TIMESTAMP WITH TIME ZONE,
    share_area DOUBLE PRECISION,
    share_households DOUBLE PRECISION,
    document TEXT,
    derived BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_lineage PRIMARY KEY (plan_id, position),
    CONSTRAINT fk_lineage_plan_id FOREIGN KEY(plan_id) REFERENCES gridmap.plan_version (id) ON DELETE CASCADE
);

CREATE INDEX ix_lineage_old ON gridmap.lineage ("old");

CREATE TABLE gridmap.journal (
    plan_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    edit BIGINT,
    at TIMESTAMP WITH TIME ZONE,
    who TEXT,
    why TEXT,
    action TEXT,
    block BIGINT,
    level TEXT,
    "old" TEXT,
    "new" TEXT,
    CONSTRAINT pk_journal PRIMARY KEY (plan_id, position),
    CONSTRAINT fk_journal_plan_id FOREIGN KEY(plan_id) REFERENCES gridmap.plan_version (id) ON DELETE CASCADE
);

CREATE TABLE gridmap.plan_artefact (
    plan_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT pk_plan_artefact PRIMARY KEY (plan_id, name),
    CONSTRAINT fk_plan_artefact_plan_id FOREIGN KEY(plan_id) REFERENCES gridmap.plan_version (id) ON DELETE CASCADE
);

CREATE TABLE gridmap.publication (
    id SERIAL NOT NULL,
    plan_id INTEGER NOT NULL,
    effective TSTZRANGE NOT NULL,
    kind TEXT NOT NULL,
    published_by TEXT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (id),
    CONSTRAINT one_in_force EXCLUDE USING gist (effective WITH &&),
    CONSTRAINT ck_publication_kind CHECK (kind in ('publish', 'rollback')),
    CONSTRAINT ck_publication_some_time CHECK (not isempty(effective)),
    CONSTRAINT fk_publication_plan_id FOREIGN KEY(plan_id) REFERENCES gridmap.plan_version (id)
);
