-- The jobs of campaigns, for whoever asks the database itself. A job is a child of a campaign's root; its state has other words
-- there. The index finds the jobs of a campaign by their status; it holds jobs only, so that other runs cost nothing.
ALTER TABLE runs ADD COLUMN job_status TEXT GENERATED ALWAYS AS (
    CASE state WHEN 'running' THEN 'processing' WHEN 'waiting' THEN 'processing' ELSE state END
) VIRTUAL;

CREATE INDEX generation_jobs_by_status ON runs (parent, job_status)
    WHERE kind IN ('text', 'image', 'video') AND parent IS NOT NULL;

CREATE VIEW generation_jobs AS
SELECT
    runs.run AS id,
    runs.parent AS campaign_id,
    runs.kind AS job_type,
    runs.job_status AS status,
    coalesce(json_extract(runs.body, '$.progress.fraction'), 0.0) AS progress,
    json_extract(runs.body, '$.values.content_id') AS content_id,
    coalesce(json_extract(runs.body, '$.result'), json_extract(runs.body, '$.values.result')) AS result_data,
    json_extract(runs.body, '$.created_at') AS created_at,
    json_extract(runs.body, '$.updated_at') AS updated_at,
    runs.project AS project
FROM runs
WHERE runs.kind IN ('text', 'image', 'video') AND runs.parent IS NOT NULL
    AND EXISTS (
        SELECT 1 FROM runs AS campaign
        WHERE campaign.project = runs.project AND campaign.run = runs.parent
            AND campaign.kind = 'campaign' AND campaign.parent IS NULL
    );
