// Package roster keeps a gateway's open connections: what it needs to count them,
// to tell all of them something, and to let one go at once. It is not safe for
// concurrent use; its owner has a mutex.
package roster

// Roster is a set of connections of type C, a pointer. Each knows its place, so
// that adding and removing one takes constant time and no memory beside the list.
type Roster[C any] struct {
	place   func(C) *int
	members []C
}

// New makes an empty Roster. place tells where in a connection the Roster keeps
// its place: a field that nobody else touches.
func New[C any](place func(C) *int) Roster[C] {
	return Roster[C]{place: place}
}

// Add puts c, which must not be in it, into the Roster.
func (r *Roster[C]) Add(c C) {
	*r.place(c) = len(r.members)
	r.members = append(r.members, c)
}

// Remove takes c, which must be in it, out.
func (r *Roster[C]) Remove(c C) {
	last := len(r.members) - 1
	moved := r.members[last]
	at := *r.place(c)
	r.members[at] = moved
	*r.place(moved) = at
	var none C
	r.members[last] = none // it may go
	r.members = r.members[:last]
	if cap(r.members) > smallRoster && len(r.members) < cap(r.members)/4 {
		r.members = append(make([]C, 0, cap(r.members)/2), r.members...)
	}
}

// smallRoster is a size below which it is of no use to give memory back.
const smallRoster = 1024

// Len is how many there are.
func (r *Roster[C]) Len() int { return len(r.members) }

// All is a copy of the list.
func (r *Roster[C]) All() []C { return append([]C(nil), r.members...) }
