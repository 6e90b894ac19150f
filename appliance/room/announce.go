package room

import "time"

// In a room of more than quietRoom members, at most announceRate are announced in
// a second: the others would cost more than they tell.
const (
	quietRoom    = 200
	announceRate = 5
)

// MayAnnounce reports whether the members of a room are to be told now that
// somebody has come or gone.
func (rs *Rooms) MayAnnounce(tenant uint32, name string) bool {
	r := rs.room(key{tenant, name})
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members <= quietRoom {
		return true
	}
	now := rs.now()
	if now.Sub(r.announced) < time.Second/announceRate {
		rs.metrics.unannounced.Inc()
		return false
	}
	r.announced = now
	return true
}
