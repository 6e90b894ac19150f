package sdk

// fifo is a queue of items in a ring that grows to what it has held at most.
type fifo struct {
	ring  []item
	first int
	count int
}

func (f *fifo) len() int { return f.count }

func (f *fifo) at(i int) *item { return &f.ring[(f.first+i)%len(f.ring)] }

func (f *fifo) push(i item) {
	if f.count == len(f.ring) {
		bigger := make([]item, max(8, 2*f.count))
		for n := range f.count {
			bigger[n] = *f.at(n)
		}
		f.ring, f.first = bigger, 0
	}
	f.count++
	*f.at(f.count - 1) = i
}

func (f *fifo) pop() (item, bool) {
	if f.count == 0 {
		return item{}, false
	}
	i := *f.at(0)
	*f.at(0) = item{}
	f.first = (f.first + 1) % len(f.ring)
	f.count--
	return i, true
}

// dropLast removes the last item that match accepts.
func (f *fifo) dropLast(match func(item) bool) {
	for n := f.count - 1; n >= 0; n-- {
		if !match(*f.at(n)) {
			continue
		}
		for ; n < f.count-1; n++ {
			*f.at(n) = *f.at(n + 1)
		}
		*f.at(n) = item{}
		f.count--
		return
	}
}
