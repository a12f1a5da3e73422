-- Four eyes: nobody approves a payout batch or an adjustment that they prepared themselves (X-3). SQLite knows no roles:
-- who somebody is, is a label. The application checks the same before; this is for whoever comes past it.
CREATE TRIGGER event_approved BEFORE INSERT ON event
WHEN NEW.topic IN ('PayoutBatchApproved', 'AdjustmentPosted')
     AND json_extract(CAST(NEW.state AS TEXT), '$.data.by.name') IS (
         SELECT json_extract(CAST(state AS TEXT), '$.data.by.name')
         FROM event
         WHERE stream = NEW.stream AND version = 1
     )
BEGIN
    SELECT raise(ABORT, 'nobody approves what they prepared themselves');
END;
