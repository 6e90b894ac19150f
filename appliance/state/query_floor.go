package state

// floorPage is a page of rows in the order of their changes, of which the oldest may
// be forgotten: those whose versions are not above a floor. Queries.Relations says
// what the fields mean to who asks.
type floorPage[T any] struct {
	rows           []T
	version, floor uint64
	more           bool
	startOver      bool
}

// pageAboveFloor reads what changed after version. totals reads the version of the
// newest change and the floor; after reads the rows, and the version of the last one
// when there are more, otherwise 0. What totals read last is from after the rows.
func pageAboveFloor[T any](version, floor uint64, totals func() (version, floor uint64, err error), after func(version uint64) ([]T, uint64, error)) (p floorPage[T], err error) {
	for {
		newest, forgotten, err := totals()
		if err != nil {
			return p, err
		}
		if version > newest {
			p.startOver, version, floor = true, 0, 0
		}
		if version == 0 {
			floor = forgotten // nothing is held yet that could have been forgotten
		}
		rows, last, err := after(version)
		if err != nil {
			return p, err
		}
		// After the rows: what was forgotten while they were read counts too.
		if _, forgotten, err = totals(); err != nil {
			return p, err
		}
		if forgotten > max(version, floor) {
			// Unless a row is forgotten in each round, the second one passes.
			p.startOver, version, floor = true, 0, 0
			continue
		}
		p.rows, p.version = rows, newest
		if last != 0 {
			p.more, p.version, p.floor = true, last, floor
		}
		return p, nil
	}
}
