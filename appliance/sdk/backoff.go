package sdk

import (
	"math/rand/v2"
	"time"
)

// stableAfter is how long a connection must have lived for the next pause to be
// short again: a server that accepts and drops must not be called in a loop.
const stableAfter = 30 * time.Second

// backoff grows the pause between attempts to connect.
type backoff struct {
	min, max time.Duration
	attempt  int
}

// next is the pause before the next attempt: a random part, at least a quarter,
// of a time that doubles with each attempt. The random part keeps the clients
// of a node that died from coming back in one moment.
func (b *backoff) next() time.Duration {
	ceiling := b.max
	if shifted := b.min << b.attempt; shifted>>b.attempt == b.min && shifted < b.max {
		ceiling = shifted
		b.attempt++
	}
	floor := ceiling / 4
	return floor + rand.N(ceiling-floor+1)
}

func (b *backoff) reset() { b.attempt = 0 }
