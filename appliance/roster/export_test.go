package roster

// First is some member.
func (r *Roster[C]) First() C { return r.members[0] }

// Cap is how many the list has room for.
func (r *Roster[C]) Cap() int { return cap(r.members) }
