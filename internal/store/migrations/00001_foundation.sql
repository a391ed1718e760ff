-- The tables of Dunwell, one text for SQLite and PostgreSQL. Every tenant
-- table has platform_id first in its keys. Times are microseconds since 1970
-- in UTC, 0 where there is none; documents are JSON as text, because decimals
-- must come back as they were written. No column of a UNIQUE is nullable.
--
-- The indexes that serve lists are partial on a condition that only lists
-- state: on a young table PostgreSQL would else walk through them to find a key.

-- +goose Up

-- One row: a text that is sealed by the master key, by which a process finds out
-- whether it has the same key as the others.
CREATE TABLE master_key (
    id     BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA  NOT NULL
);

CREATE TABLE platforms (
    id         TEXT   NOT NULL PRIMARY KEY,
    reference  TEXT   NOT NULL UNIQUE,
    sending    TEXT   NOT NULL,
    doc        TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One row per platform: the version of its set of ACTIVE workflows, the last
-- date that is announced (in days since 1970), and the clock of a TEST platform
-- that has one of its own. Ingestion reads it FOR SHARE, so that no event is
-- matched against a set that has already been replaced, and no date is planned
-- behind its back.
CREATE TABLE planning (
    platform_id TEXT   NOT NULL PRIMARY KEY,
    version     BIGINT NOT NULL,
    announced   BIGINT NOT NULL,
    clock       BIGINT NOT NULL
);
CREATE INDEX planning_clocks ON planning (platform_id) WHERE clock > 0;

-- The call that is moving a platform's own clock, and until when it keeps others
-- out, by the machine's clock.
CREATE TABLE clock_calls (
    platform_id TEXT   NOT NULL PRIMARY KEY,
    token       TEXT   NOT NULL,
    lease_until BIGINT NOT NULL
);

-- What is still to be planned: one date of one workflow, or of all ('' for the
-- id). The position is how far it has come.
CREATE TABLE plan_tasks (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    workflow_id TEXT   NOT NULL,
    planned_on  BIGINT NOT NULL,
    position    TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE INDEX plan_tasks_by_creation ON plan_tasks (created_at, platform_id, id);

-- A key is found by the hash of its secret, or of the one before it. The
-- platforms that it opens stand in its document in their order, and once more
-- in a table of their own, by which they are listed.
CREATE TABLE api_keys (
    id             TEXT   NOT NULL PRIMARY KEY,
    hash           TEXT   NOT NULL UNIQUE,
    previous_hash  TEXT   NOT NULL,
    previous_until BIGINT NOT NULL,
    bootstrap      BIGINT NOT NULL,
    doc            TEXT   NOT NULL,
    last_used_at   BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_keys_previous_hash ON api_keys (previous_hash) WHERE previous_hash <> '';

CREATE TABLE api_key_platforms (
    platform_id TEXT NOT NULL,
    key_id      TEXT NOT NULL,
    PRIMARY KEY (platform_id, key_id)
);
CREATE INDEX api_key_platforms_by_key ON api_key_platforms (key_id);

CREATE TABLE roles (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id),
    UNIQUE (platform_id, name)
);
CREATE INDEX roles_by_creation ON roles (platform_id, created_at, id) WHERE created_at > 0;

CREATE TABLE workflows (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    reference   TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    doc         TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id),
    UNIQUE (platform_id, reference)
);
CREATE INDEX workflows_by_creation ON workflows (platform_id, created_at, id);
CREATE INDEX workflows_active ON workflows (platform_id) WHERE status = 'ACTIVE';

CREATE TABLE workflow_actions (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    workflow_id TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE INDEX workflow_actions_by_workflow ON workflow_actions (platform_id, workflow_id, created_at, id);
CREATE INDEX workflow_actions_by_creation ON workflow_actions (platform_id, created_at, id);

CREATE TABLE integrations (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    reference   TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    secret      BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE UNIQUE INDEX integrations_reference ON integrations (platform_id, reference) WHERE reference <> '';
CREATE INDEX integrations_by_creation ON integrations (platform_id, created_at, id);

CREATE TABLE sources (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    reference   TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    secret      BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE UNIQUE INDEX sources_id ON sources (id);
CREATE UNIQUE INDEX sources_reference ON sources (platform_id, reference) WHERE reference <> '';
CREATE INDEX sources_by_creation ON sources (platform_id, created_at, id);

-- The webhooks that were taken: the same delivery a second time has no effect.
CREATE TABLE source_deliveries (
    platform_id TEXT   NOT NULL,
    source_id   TEXT   NOT NULL,
    delivery_id TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (platform_id, source_id, delivery_id)
);

-- The mirrored resources, all kinds in one table: a batch of mixed kinds is
-- read, locked and written with one statement each. revision counts the states
-- that were stored; 0 is a placeholder for a resource that was only named, and
-- -n is what is left of one that was deleted after n states.
-- parent_id is a schedule's subscription, a wallet's wallet type. due_on is the
-- deadline of a resource that is open, and charge_on when it will be charged, as
-- a day (see deadlines.go); 0 where there is none. type, name,
-- paid and on_hold are what lists are ordered and filtered by, where a kind has them.
CREATE TABLE resources (
    platform_id        TEXT   NOT NULL,
    kind               TEXT   NOT NULL,
    id                 TEXT   NOT NULL,
    revision           BIGINT NOT NULL,
    reference          TEXT   NOT NULL,
    status             TEXT   NOT NULL,
    type               TEXT   NOT NULL,
    name               TEXT   NOT NULL,
    paid               TEXT   NOT NULL,
    on_hold            TEXT   NOT NULL,
    customer_id        TEXT   NOT NULL,
    invoice_id         TEXT   NOT NULL,
    parent_id          TEXT   NOT NULL,
    external_reference TEXT   NOT NULL,
    due_on             BIGINT NOT NULL,
    charge_on          BIGINT NOT NULL,
    doc                TEXT   NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    PRIMARY KEY (platform_id, kind, id)
);
CREATE INDEX resources_by_creation ON resources (platform_id, kind, created_at, id) WHERE revision > 0;
CREATE INDEX resources_by_reference ON resources (platform_id, kind, reference) WHERE reference <> '';
CREATE INDEX resources_by_customer ON resources (platform_id, kind, customer_id) WHERE customer_id <> '';
CREATE INDEX resources_by_invoice ON resources (platform_id, invoice_id) WHERE invoice_id <> '' AND kind = 'PAYMENT';
CREATE INDEX resources_by_parent ON resources (platform_id, kind, parent_id) WHERE parent_id <> '';
CREATE INDEX resources_due ON resources (platform_id, kind, due_on, id) WHERE due_on > 0;
CREATE INDEX resources_charged ON resources (platform_id, kind, charge_on, id) WHERE charge_on > 0;
CREATE INDEX resources_by_external_reference ON resources (platform_id, kind, external_reference) WHERE external_reference <> '';

-- Snapshots of what a source has, on their way. looked counts the steps of the
-- search for what is absent, so that of two who search only one goes on. sweep_at
-- is when the sweep is to look at it: once it has ended, or has expired.
CREATE TABLE snapshots (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    seen        BIGINT NOT NULL,
    applied     BIGINT NOT NULL,
    looked      BIGINT NOT NULL,
    doc         TEXT   NOT NULL,
    expires_at  BIGINT NOT NULL,
    sweep_at    BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE INDEX snapshots_to_sweep ON snapshots (sweep_at);

-- What was told in a snapshot, until it has ended.
CREATE TABLE snapshot_seen (
    platform_id TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    PRIMARY KEY (platform_id, snapshot_id, kind, id)
);

-- Which invoice the payments of an external reference belong to, for billing
-- systems that say it apart from the payment.
CREATE TABLE payment_links (
    platform_id        TEXT NOT NULL,
    external_reference TEXT NOT NULL,
    invoice_id         TEXT NOT NULL,
    PRIMARY KEY (platform_id, external_reference)
);

CREATE TABLE triggers (
    platform_id      TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    type             TEXT   NOT NULL,
    status           TEXT   NOT NULL,
    reason           TEXT   NOT NULL,
    workflow_id      TEXT   NOT NULL,
    variant          TEXT   NOT NULL,
    step             TEXT   NOT NULL,
    kind             TEXT   NOT NULL,
    resource_id      TEXT   NOT NULL,
    occurrence       TEXT   NOT NULL,
    customer_id      TEXT   NOT NULL,
    invoice_id       TEXT   NOT NULL,
    workflow_version BIGINT NOT NULL,
    event_at         BIGINT NOT NULL,
    scheduled_at     BIGINT NOT NULL,
    details          TEXT   NOT NULL,
    decision         BIGINT NOT NULL,
    decided_at       BIGINT NOT NULL,
    facts            TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
-- The law: one EVENT trigger per workflow, variant, step, resource and occurrence.
CREATE UNIQUE INDEX triggers_key ON triggers (platform_id, kind, resource_id, workflow_id, variant, step, occurrence) WHERE type = 'EVENT';
CREATE INDEX triggers_manual ON triggers (platform_id, kind, resource_id) WHERE type = 'MANUAL';
CREATE INDEX triggers_by_customer ON triggers (platform_id, customer_id);
CREATE INDEX triggers_by_creation ON triggers (platform_id, created_at, id) WHERE created_at > 0;
CREATE INDEX triggers_due ON triggers (platform_id, scheduled_at, id) WHERE status = 'PLANNED' AND reason = '';
CREATE INDEX triggers_not_fired ON triggers (platform_id, invoice_id) WHERE kind = 'PAYMENT' AND invoice_id <> '' AND status <> 'FIRED';
CREATE INDEX triggers_closed_customer ON triggers (platform_id, customer_id) WHERE reason = 'CUSTOMER_CLOSED';
CREATE INDEX triggers_held ON triggers (platform_id, customer_id, id) WHERE reason = 'HELD';
CREATE INDEX triggers_waiting ON triggers (decided_at, platform_id) WHERE status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER';
CREATE INDEX triggers_waiting_by_platform ON triggers (platform_id, decided_at) WHERE status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER';

-- The decisions about a trigger before the one that its row has, from number 1.
CREATE TABLE decisions (
    platform_id      TEXT   NOT NULL,
    trigger_id       TEXT   NOT NULL,
    number           BIGINT NOT NULL,
    status           TEXT   NOT NULL,
    reason           TEXT   NOT NULL,
    workflow_version BIGINT NOT NULL,
    facts            TEXT   NOT NULL,
    decided_at       BIGINT NOT NULL,
    PRIMARY KEY (platform_id, trigger_id, number)
);

CREATE TABLE executions (
    platform_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    trigger_id      TEXT   NOT NULL,
    workflow_id     TEXT   NOT NULL,
    action_id       TEXT   NOT NULL,
    action          TEXT   NOT NULL,
    integration_id  TEXT   NOT NULL,
    variant         TEXT   NOT NULL,
    customer_id     TEXT   NOT NULL,
    invoice_id      TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    resource_id     TEXT   NOT NULL,
    schedule_id     TEXT   NOT NULL,
    lane            BIGINT NOT NULL,
    position        BIGINT NOT NULL,
    status          TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    due_at          BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    token           TEXT   NOT NULL,
    lease_until     BIGINT NOT NULL,
    frozen_hash     TEXT   NOT NULL,
    first_tried_at  BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE INDEX executions_due ON executions (platform_id, lane, due_at, created_at, position) WHERE status = 'PENDING';
CREATE INDEX executions_waiting ON executions (next_attempt_at, platform_id) WHERE status = 'WAITING';
CREATE INDEX executions_waiting_by_platform ON executions (platform_id, next_attempt_at) WHERE status = 'WAITING';
CREATE INDEX executions_sending ON executions (lease_until) WHERE status = 'SENDING';
CREATE INDEX executions_open ON executions (platform_id, customer_id, due_at, created_at, position, id) WHERE status IN ('PENDING', 'WAITING', 'SENDING');
CREATE INDEX executions_ended ON executions (platform_id, customer_id) WHERE status IN ('SENT', 'FAILED', 'UNCONFIRMED', 'CANCELLED', 'SKIPPED');
CREATE INDEX executions_open_payment ON executions (resource_id, platform_id) WHERE kind = 'PAYMENT' AND status IN ('PENDING', 'WAITING', 'SENDING');
CREATE INDEX executions_by_creation ON executions (platform_id, created_at, id) WHERE created_at > 0;
CREATE INDEX executions_by_trigger ON executions (platform_id, trigger_id);

CREATE TABLE attempts (
    platform_id  TEXT   NOT NULL,
    execution_id TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    token        TEXT   NOT NULL,
    content_hash TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    outcome      TEXT   NOT NULL,
    reply        TEXT   NOT NULL,
    PRIMARY KEY (platform_id, execution_id, number)
);

-- The prepared message of each execution, with the states that it shows.
CREATE TABLE messages (
    platform_id  TEXT   NOT NULL,
    execution_id TEXT   NOT NULL,
    shows        TEXT   NOT NULL,
    problem      TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    content      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (platform_id, execution_id)
);

-- What people stop by hand. covers is what a hold stops the messages of: what it
-- is on, or its customer. resume_at is when what it stopped is to be decided
-- again, 0 when there is nothing to do; resume_tries is how often that has failed.
CREATE TABLE holds (
    platform_id  TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    scope        TEXT   NOT NULL,
    resource_id  TEXT   NOT NULL,
    customer_id  TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    covers_kind  TEXT   NOT NULL,
    covers_id    TEXT   NOT NULL,
    resume_at    BIGINT NOT NULL,
    resume_tries BIGINT NOT NULL,
    doc          TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE INDEX holds_by_creation ON holds (platform_id, created_at, id) WHERE created_at > 0;
CREATE INDEX holds_by_resource ON holds (platform_id, resource_id);
CREATE INDEX holds_by_customer ON holds (platform_id, customer_id);
CREATE INDEX holds_in_force ON holds (platform_id, covers_kind, covers_id, id) WHERE status = 'ACTIVE';
CREATE INDEX holds_ending ON holds (resume_at, platform_id) WHERE resume_at > 0;
CREATE INDEX holds_ending_by_platform ON holds (platform_id, resume_at) WHERE resume_at > 0;

-- The addresses that get no mail, in the form in which they are compared.
CREATE TABLE suppressions (
    platform_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    mailbox     TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id),
    UNIQUE (platform_id, mailbox)
);
CREATE INDEX suppressions_by_creation ON suppressions (platform_id, created_at, id) WHERE created_at > 0;

-- What SYSTEM integrations captured.
CREATE TABLE outbox (
    platform_id    TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    execution_id   TEXT   NOT NULL,
    integration_id TEXT   NOT NULL,
    customer_id    TEXT   NOT NULL,
    content        TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (platform_id, id),
    UNIQUE (platform_id, execution_id)
);
CREATE INDEX outbox_by_creation ON outbox (platform_id, created_at, id) WHERE created_at > 0;
CREATE INDEX outbox_by_customer ON outbox (platform_id, customer_id);

-- The replies that requests with an Idempotency-Key had, each written in the
-- transaction of its effect.
CREATE TABLE idempotency (
    platform_id  TEXT   NOT NULL,
    credential   TEXT   NOT NULL,
    method       TEXT   NOT NULL,
    path         TEXT   NOT NULL,
    key          TEXT   NOT NULL,
    request_hash TEXT   NOT NULL,
    status       BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (platform_id, credential, method, path, key)
);
CREATE INDEX idempotency_by_creation ON idempotency (platform_id, created_at);
