package raftstore

// deliveryBatches bounds applied batches that OnApplied has not yet taken. A
// batch holds at most the commands of maxBatchBytes of log.
const deliveryBatches = 16

// delivered is one batch on its way to OnApplied, or a mark in the stream.
type delivered struct {
	results []any
	mark    chan<- struct{} // closed when everything before it was delivered
}

// deliver passes the results of a batch on. It waits while the channel is full,
// and drops them once the store is closing: nobody may be there to listen.
func (s *Store) deliver(results []any) {
	if s.o.OnApplied == nil {
		return
	}
	select {
	case s.deliveries <- delivered{results: results}:
	case <-s.closing:
	}
}

// drainDelivery waits until everything applied so far was delivered, so that
// OnApplied never speaks of a state that was replaced.
func (s *Store) drainDelivery() {
	if s.o.OnApplied == nil {
		return
	}
	done := make(chan struct{})
	select {
	case s.deliveries <- delivered{mark: done}:
	case <-s.closing:
		return
	}
	select {
	case <-done:
	case <-s.closing:
	}
}

// runDelivery calls OnApplied until the store closes. What was applied before
// that is still delivered.
func (s *Store) runDelivery() {
	defer s.loops.Done()
	for {
		select {
		case d := <-s.deliveries:
			s.hand(d)
		case <-s.closing:
			for {
				select {
				case d := <-s.deliveries:
					s.hand(d)
				default:
					return
				}
			}
		}
	}
}

func (s *Store) hand(d delivered) {
	if d.mark != nil {
		close(d.mark)
		return
	}
	s.o.OnApplied(d.results)
}
