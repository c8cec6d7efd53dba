-- Roles belong to the cluster: another database of it may have made them.
do $$
begin
    if not exists (select from pg_roles where rolname = 'gridmap_app') then
        create role gridmap_app nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'gridmap_reader') then
        create role gridmap_reader nologin;
    end if;
    execute format('grant gridmap_app, gridmap_reader to %I', current_user);
end
$$;

grant usage on schema gridmap to gridmap_app;
grant select, insert, update, delete on all tables in schema gridmap to gridmap_app;
grant usage on all sequences in schema gridmap to gridmap_app;
-- What was done stays written: nobody changes the audit (but see forget_failed_log_ins), and purging people is the only
-- thing that touches the past.
revoke update, delete on gridmap.audit from gridmap_app;
revoke insert, update, delete on gridmap.state from gridmap_app;
grant update (generation) on gridmap.state to gridmap_app;

-- Whose rows a transaction may see: the code of a town, or * for the county. Unset it is NULL, after a commit '': nothing.
create function gridmap.sees(town text) returns boolean
language sql stable parallel safe
as $$
    select case coalesce(current_setting('gridmap.jurisdiction', true), '')
        when '' then false
        when '*' then true
        else coalesce(town = current_setting('gridmap.jurisdiction', true), false)
    end
$$;

alter table gridmap.assignment enable row level security;
alter table gridmap.assignment force row level security;
create policy own_town on gridmap.assignment using (gridmap.sees(town));

alter table gridmap.organisation enable row level security;
alter table gridmap.organisation force row level security;
create policy own_town on gridmap.organisation using (gridmap.sees(town));

alter table gridmap.duty enable row level security;
alter table gridmap.duty force row level security;
create policy own_town on gridmap.duty
    using (exists (select from gridmap.assignment a where a.id = assignment_id));

-- A person is seen where one of their assignments is, as they were called meanwhile: a town that somebody has left does
-- not learn what became of them. One without any assignment is seen by the county alone, and nobody else writes any: who
-- serves another town as well, which a town does not see, is looked for first (gridmap.service.loading_roster).
alter table gridmap.person enable row level security;
alter table gridmap.person force row level security;
create policy own_town on gridmap.person for select
    using (
        gridmap.sees('*')  -- asked first, it spares the county a look at every person's assignments
        or exists (
            select from gridmap.assignment a where a.person_id = person.person_id and a.period && person.period
        )
    );
create policy county on gridmap.person using (gridmap.sees('*'));

-- Where a point is, as gridmap.Locator says it: a border belongs to the lowest code of the finest tiling level, a
-- partial level counts only inside the winner, land that the finest level leaves out is a gap.
create function gridmap.holds(polygon geometry, point geometry) returns boolean
language sql immutable parallel safe
as $$
    -- ST_Covers decides in plain doubles; within a hair of a border the exact predicate is asked.
    select polygon && point and case
        when ST_DWithin(ST_Boundary(polygon), point, 1e-9) then not ST_Relate(polygon, point, 'FF*FF****')
        else ST_Covers(polygon, point)
    end
$$;

create function gridmap.version_at(at timestamptz default now()) returns text
language sql stable parallel safe
as $$
    select v.version from gridmap.publication p join gridmap.plan_version v on v.id = p.plan_id
    where p.effective @> at
$$;

create function gridmap.locate(
    lon double precision, lat double precision, at timestamptz default now(),
    out outcome text, out chain jsonb, out plan_version text
) returns record
language plpgsql stable parallel safe
as $$
declare
    plan gridmap.plan_version;
    spot geometry;
    found gridmap.grid;
    below gridmap.grid;
    finest integer;
    step gridmap.level;
begin
    chain := '{}';
    select v.* into plan from gridmap.publication p join gridmap.plan_version v on v.id = p.plan_id
    where p.effective @> at;
    plan_version := plan.version;
    if plan is null or plan.id is null then
        return;
    end if;
    if lon is null or lat is null or abs(lon) > 180 or abs(lat) > 90 or lon = 'NaN' or lat = 'NaN' then
        outcome := 'invalid';
        return;
    end if;
    spot := ST_SetSRID(ST_MakePoint(lon, lat), 4326);
    select max(position) into finest from gridmap.level where plan_id = plan.id and tiles;
    for step in
        select * from gridmap.level where plan_id = plan.id and tiles order by position desc
    loop
        select g.* into found from gridmap.grid g join gridmap.plan_grid m on m.grid_id = g.id
        where m.plan_id = plan.id and g.level = step.name and g.geometry && spot and gridmap.holds(g.geometry, spot)
        order by g.code collate "C" limit 1;
        exit when found.id is not null;
    end loop;
    if found.id is null then
        outcome := case
            when gridmap.holds(plan.extent, spot) then 'gap'
            when lat between ST_XMin(plan.extent) and ST_XMax(plan.extent)
                and lon between ST_YMin(plan.extent) and ST_YMax(plan.extent)
                and not plan.extent && spot then 'invalid'
            else 'outside'
        end;
        return;
    end if;
    outcome := case when step.position = finest then 'matched' else 'gap' end;
    chain := gridmap.chain(plan.id, step.position, found.code);
    if outcome = 'matched' then
        for step in
            select * from gridmap.level where plan_id = plan.id and position > finest order by position
        loop
            select g.* into below from gridmap.grid g join gridmap.plan_grid m on m.grid_id = g.id
            where m.plan_id = plan.id and g.level = step.name and g.parent = found.code and g.geometry && spot
                and gridmap.holds(g.geometry, spot)
            order by g.code collate "C" limit 1;
            exit when below.id is null;
            chain := chain || jsonb_build_object(step.name, below.code);
            found := below;
        end loop;
    end if;
end
$$;

create function gridmap.chain(plan integer, place integer, code text) returns jsonb
language sql stable parallel safe
as $$
    with recursive up as (
        select l.position, l.name, g.code, g.parent
        from gridmap.level l
        join gridmap.grid g on g.level = l.name and g.code = chain.code
        join gridmap.plan_grid m on m.grid_id = g.id and m.plan_id = chain.plan
        where l.plan_id = chain.plan and l.position = chain.place
        union all
        select l.position, l.name, g.code, g.parent
        from up
        join gridmap.level l on l.plan_id = chain.plan and l.position = up.position - 1
        join gridmap.grid g on g.level = l.name and g.code = up.parent
        join gridmap.plan_grid m on m.grid_id = g.id and m.plan_id = chain.plan
    )
    select coalesce(jsonb_object_agg(name, up.code), '{}') from up
$$;

-- The one thing that leaves the audit: log-ins that failed, of which guessing makes any number. Those of the last two days
-- count failures, and stay.
create function gridmap.forget_failed_log_ins(before timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    gone bigint;
begin
    if not gridmap.sees('*') then
        raise insufficient_privilege using message = 'only the county may forget log-ins';
    end if;
    delete from gridmap.audit a where a.action = 'log-in-failed' and a.at < least(before, now() - interval '2 days');
    get diagnostics gone = row_count;
    return gone;
end
$$;
revoke execute on function gridmap.forget_failed_log_ins(timestamptz) from public;

grant execute on all functions in schema gridmap to gridmap_app;

-- What anybody may see: read-only, of now, without people. QGIS and the OGC API open these.
create schema published;
grant usage on schema published to gridmap_reader, gridmap_app;

create view published.grids as
select g.id, g.level, g.code, g.name, g.parent, g.kind, g.area_m2, g.households, g.residents, g.land_use, g.grade,
    g.responsible_body, g.line_department, g.valid_from, g.valid_to, v.version as plan_version, g.geometry
from gridmap.publication p
join gridmap.plan_version v on v.id = p.plan_id
join gridmap.plan_grid m on m.plan_id = v.id
join gridmap.grid g on g.id = m.grid_id
where p.effective @> now();

create view published.large as select * from published.grids where level = 'large';
create view published.medium as select * from published.grids where level = 'medium';
create view published.small as select * from published.grids where level = 'small';
create view published.micro as select * from published.grids where level = 'micro';

create view published.stations as
select id, station_id, name, kind, capacity, geometry from gridmap.station where period @> now();

create view published.circles as
select id, station_id, minutes, outcome, reason, area_m2, speed_m_s, geometry from gridmap.circle
where period @> now() and geometry is not null;

-- What is only going to be is not announced here: neither a version nor the end of the one before.
create view published.versions as
select p.id, v.version, v.name, p.kind, lower(p.effective) as since,
    case when upper(p.effective) <= now() then upper(p.effective) end as until, v.extent as geometry
from gridmap.publication p join gridmap.plan_version v on v.id = p.plan_id
where lower_inf(p.effective) or lower(p.effective) <= now();

grant select on all tables in schema published to gridmap_reader, gridmap_app;
