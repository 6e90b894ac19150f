package session

import "time"

// longestFill bounds how long an empty bucket takes to fill, which keeps its
// arithmetic far from overflow.
const longestFill = 24 * time.Hour

// Bucket is a token bucket in its virtual-time form (the generic cell rate
// algorithm, ITU-T I.371): one number says when the bucket will be full again.
// The zero Bucket is full. It is not safe for concurrent use.
type Bucket struct {
	fullAt int64 // Unix nanoseconds
}

// Take takes one token and reports whether there was one. The bucket holds
// burst tokens, at least one, and gains perSecond of them each second;
// perSecond ≤ 0 means no limit. Both may change between calls. A bucket that
// would take more than a day to fill is treated as one that takes a day. When
// the clock steps back, the bucket is at worst as empty as it can be.
func (b *Bucket) Take(perSecond, burst int, now time.Time) bool {
	if perSecond <= 0 {
		return true
	}
	token := max(int64(time.Second)/int64(perSecond), 1) // ns to gain one
	capacity := int64(longestFill)
	if n := int64(max(burst, 1)); n <= capacity/token {
		capacity = n * token
	}
	t := now.UnixNano()
	b.fullAt = min(max(b.fullAt, t), t+capacity)
	if b.fullAt+token > t+capacity {
		return false
	}
	b.fullAt += token
	return true
}
