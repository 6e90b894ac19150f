package sdk

// What happens in rooms has its own share of the queue, as large as that of the
// conversations: neither keeps the other out. What does not fit is dropped, for
// nobody keeps it; the app is told how many messages that were, at their place.

// roomNews is what the app must be told of a room as soon as there is room in
// the queue. While there is any, the queue takes no message.
type roomNews struct {
	missed  int          // messages and notices that were dropped
	reentry *RoomReentry // the latest
	out     *RoomOut     // the latest
}

// offerRoom queues a room's message, or drops and counts it. It never waits.
func (in *inbox) offerRoom(m RoomMessage) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.roomsFull() {
		in.newsOf(m.Room).missed++
		return
	}
	in.enqueueRoom(m)
}

// offerNotice is offerRoom for a notice.
func (in *inbox) offerNotice(n RoomNotice) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.roomsFull() {
		in.newsOf(n.Room).missed++
		return
	}
	in.enqueueRoom(n)
}

// offerOut queues the end of a membership, which is never dropped.
func (in *inbox) offerOut(o RoomOut) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.newsOf(o.Room).out = &o
	in.publishRoomNews()
}

// offerReentry queues what became of a room after a reconnect.
func (in *inbox) offerReentry(r RoomReentry) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.newsOf(r.Room).reentry = &r
	in.publishRoomNews()
}

// forgetRoom drops what the app has not been told of a room that it leaves.
// Events in the queue stay.
func (in *inbox) forgetRoom(name string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.roomNews, name)
}

func (in *inbox) newsOf(name string) *roomNews {
	n := in.roomNews[name]
	if n == nil {
		n = new(roomNews)
		in.roomNews[name] = n
	}
	return n
}

// publishRoomNews queues the news of rooms while there is room: afterwards there
// are none left, or the queue is full.
func (in *inbox) publishRoomNews() {
	for name, n := range in.roomNews {
		if n.missed > 0 && !in.roomsFull() {
			in.enqueueRoom(RoomMissed{Room: name, Count: n.missed})
			n.missed = 0
		}
		if n.missed == 0 && n.reentry != nil && !in.roomsFull() {
			in.enqueueRoom(*n.reentry)
			n.reentry = nil
		}
		if n.missed == 0 && n.reentry == nil && n.out != nil && !in.roomsFull() {
			in.enqueueRoom(*n.out)
			n.out = nil
		}
		if n.missed == 0 && n.reentry == nil && n.out == nil {
			delete(in.roomNews, name)
		}
	}
}

func (in *inbox) roomsFull() bool { return in.roomEvents >= in.limit }

func (in *inbox) enqueueRoom(e Event) {
	in.roomEvents++
	in.enqueue(item{event: e})
}
