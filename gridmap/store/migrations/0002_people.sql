CREATE TABLE gridmap.person (
    person_id TEXT NOT NULL,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_person PRIMARY KEY (id),
    CONSTRAINT one_person_id_at_a_time EXCLUDE USING gist (person_id WITH =, period WITH &&)
);

CREATE TABLE gridmap.assignment (
    person_id TEXT NOT NULL,
    grid TEXT NOT NULL,
    town TEXT,
    role TEXT NOT NULL,
    full_time BOOLEAN NOT NULL,
    is_primary BOOLEAN NOT NULL,
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_assignment PRIMARY KEY (id),
    CONSTRAINT one_person_id_grid_role_at_a_time EXCLUDE USING gist (person_id WITH =, grid WITH =, role WITH =, period WITH &&)
);

CREATE INDEX ix_assignment_grid ON gridmap.assignment (grid);

CREATE TABLE gridmap.duty (
    assignment_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT pk_duty PRIMARY KEY (assignment_id, code),
    CONSTRAINT fk_duty_assignment_id FOREIGN KEY(assignment_id) REFERENCES gridmap.assignment (id) ON DELETE CASCADE
);

CREATE TABLE gridmap.organisation (
    org_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    parent_id TEXT,
    grid TEXT,
    town TEXT,
    reports_to TEXT,
    offers TEXT,
    households DOUBLE PRECISION,
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_organisation PRIMARY KEY (id),
    CONSTRAINT one_org_id_at_a_time EXCLUDE USING gist (org_id WITH =, period WITH &&)
);

CREATE INDEX ix_organisation_grid ON gridmap.organisation (grid);

CREATE TABLE gridmap.station (
    station_id TEXT NOT NULL,
    name TEXT,
    kind TEXT,
    capacity DOUBLE PRECISION,
    attributes JSONB NOT NULL,
    geometry geometry(POINT,4326) NOT NULL,
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_station PRIMARY KEY (id),
    CONSTRAINT one_station_id_at_a_time EXCLUDE USING gist (station_id WITH =, period WITH &&)
);

CREATE INDEX ix_station_geometry ON gridmap.station USING gist (geometry);

CREATE TABLE gridmap.circle (
    station_id TEXT NOT NULL,
    minutes DOUBLE PRECISION NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    area_m2 DOUBLE PRECISION,
    speed_m_s DOUBLE PRECISION NOT NULL,
    geometry geometry(GEOMETRY,4326),
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_circle PRIMARY KEY (id),
    CONSTRAINT one_station_id_minutes_at_a_time EXCLUDE USING gist (station_id WITH =, minutes WITH =, period WITH &&)
);

CREATE INDEX ix_circle_geometry ON gridmap.circle USING gist (geometry);

CREATE TABLE gridmap.coverage_area (
    area TEXT NOT NULL,
    minutes DOUBLE PRECISION NOT NULL,
    total DOUBLE PRECISION NOT NULL,
    covered DOUBLE PRECISION NOT NULL,
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_coverage_area PRIMARY KEY (id),
    CONSTRAINT one_area_minutes_at_a_time EXCLUDE USING gist (area WITH =, minutes WITH =, period WITH &&),
    CONSTRAINT ck_coverage_area_share CHECK (covered <= total * 1.000001)
);

CREATE TABLE gridmap.department (
    name TEXT NOT NULL,
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_department PRIMARY KEY (id),
    CONSTRAINT one_name_at_a_time EXCLUDE USING gist (name WITH =, period WITH &&)
);

CREATE TABLE gridmap.department_grid (
    department TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT,
    geometry geometry(GEOMETRY,4326) NOT NULL,
    id SERIAL NOT NULL,
    period TSTZRANGE DEFAULT tstzrange(now(), null) NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_department_grid PRIMARY KEY (id),
    CONSTRAINT one_department_code_at_a_time EXCLUDE USING gist (department WITH =, code WITH =, period WITH &&)
);

CREATE INDEX ix_department_grid_geometry ON gridmap.department_grid USING gist (geometry);

CREATE TABLE gridmap.department_mapping (
    plan_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    row JSONB NOT NULL,
    CONSTRAINT pk_department_mapping PRIMARY KEY (plan_id, position),
    CONSTRAINT fk_department_mapping_plan_id FOREIGN KEY(plan_id) REFERENCES gridmap.plan_version (id) ON DELETE CASCADE
);
