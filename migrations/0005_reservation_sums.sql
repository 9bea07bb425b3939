-- What all reservations of a dimension add up to, kept by the database itself: an admission reads a
-- few rows, however many sites there are. The index that only the sum needed goes.
CREATE TABLE reservation_sums (
    dimension TEXT PRIMARY KEY,
    amount    INTEGER NOT NULL CHECK (amount >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO reservation_sums SELECT dimension, sum(amount) FROM reservations GROUP BY dimension;

CREATE TRIGGER reservations_added AFTER INSERT ON reservations BEGIN
    INSERT INTO reservation_sums VALUES (NEW.dimension, NEW.amount)
    ON CONFLICT (dimension) DO UPDATE SET amount = amount + NEW.amount;
END;
CREATE TRIGGER reservations_removed AFTER DELETE ON reservations BEGIN
    UPDATE reservation_sums SET amount = amount - OLD.amount WHERE dimension = OLD.dimension;
END;
-- No statement changes an amount in place; one that did would have to keep the sums too.
CREATE TRIGGER reservations_fixed BEFORE UPDATE OF dimension, amount ON reservations BEGIN
    SELECT raise(ABORT, 'a reservation is replaced, never changed');
END;

DROP INDEX reservations_by_dimension;
