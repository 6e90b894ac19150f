package state

// maxHotConvs bounds each half of the cache: with names of usual length both
// together take at most some 12 MB.
const maxHotConvs = 32 << 10

// convCache mirrors the rows of conversations used lately, by key. It keeps two
// halves: rows enter hot, and when that is full it becomes old, whose rows are
// dropped unless they are used again. Nothing that Apply answers or stores
// depends on what it holds.
type convCache struct {
	limit    int // of each half
	hot, old map[string]*convRow
}

func newConvCache(limit int) convCache {
	return convCache{limit: limit, hot: make(map[string]*convRow)}
}

// get returns the row, or nil when it is not here.
func (c *convCache) get(key []byte) *convRow {
	if row := c.hot[string(key)]; row != nil {
		return row
	}
	row := c.old[string(key)]
	if row != nil {
		c.put(key, row)
	}
	return row
}

// forget drops the row of a conversation that is no longer stored.
func (c *convCache) forget(key []byte) {
	delete(c.hot, string(key))
	delete(c.old, string(key))
}

func (c *convCache) put(key []byte, row *convRow) {
	if len(c.hot) >= c.limit {
		c.hot, c.old = make(map[string]*convRow, c.limit), c.hot
	}
	c.hot[string(key)] = row
}
