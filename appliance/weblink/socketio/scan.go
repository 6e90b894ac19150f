package socketio

// scanner checks one JSON value (RFC 8259) in one pass, with a bounded depth and
// without allocating. Of a packet with attachments it also collects the
// placeholders, objects with the members {"_placeholder":true,"num":n}.
type scanner struct {
	in     []byte // UTF-8
	at     int    // what is behind has been checked
	levels int    // of arrays and objects that may still be opened
	due    int    // attachments announced; 0: placeholders are plain data
	seen   uint64 // bit n: attachment n has its placeholder
}

func (s *scanner) peek() byte {
	if s.at < len(s.in) {
		return s.in[s.at]
	}
	return 0 // no JSON token starts so
}

func (s *scanner) space() {
	for s.at < len(s.in) {
		switch s.in[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// value checks the value that starts here.
func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '"':
		return s.text()
	case c == '{':
		return s.object()
	case c == '[':
		return s.array()
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return ErrBadJSON
}

func (s *scanner) word(w string) error {
	if len(s.in)-s.at < len(w) || string(s.in[s.at:s.at+len(w)]) != w {
		return ErrBadJSON
	}
	s.at += len(w)
	return nil
}

// text checks a string.
func (s *scanner) text() error {
	for i := s.at + 1; i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '"':
			s.at = i + 1
			return nil
		case c < ' ':
			return ErrBadJSON
		case c == '\\':
			n := escape(s.in[i:])
			if n == 0 {
				return ErrBadJSON
			}
			i += n - 1
		}
	}
	return ErrBadJSON
}

// escape is the length of the escape sequence that b starts with, 0 for none.
// Surrogates need no partner: JavaScript writes and reads lone ones.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		const size = len(`\u0000`)
		if len(b) < size {
			return 0
		}
		for _, c := range b[2:size] {
			if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
				return 0
			}
		}
		return size
	}
	return 0
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return ErrBadJSON
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return ErrBadJSON
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return ErrBadJSON
		}
	}
	return nil
}

// digits takes digits and says whether there were any.
func (s *scanner) digits() bool {
	start := s.at
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > start
}

// open enters an array or object, whose bracket is here.
func (s *scanner) open() error {
	if s.levels <= 0 {
		return ErrTooDeep
	}
	s.levels--
	s.at++
	s.space()
	return nil
}

// next goes on to the next element or member, or leaves at the closing bracket.
func (s *scanner) next(closing byte) (more bool, err error) {
	s.space()
	switch s.peek() {
	case ',':
		s.at++
		s.space()
		return true, nil
	case closing:
		s.at++
		s.levels++
		return false, nil
	}
	return false, ErrBadJSON
}

func (s *scanner) array() error {
	if err := s.open(); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.at++
		s.levels++
		return nil
	}
	return s.elements()
}

// elements checks the rest of an array, from an element on.
func (s *scanner) elements() error {
	for {
		if err := s.value(); err != nil {
			return err
		}
		if more, err := s.next(']'); !more {
			return err
		}
	}
}

// event checks the array of an event, the first element of which is its name.
func (s *scanner) event() error {
	if err := s.open(); err != nil {
		return err
	}
	raw, err := s.eventName()
	if err != nil {
		return err
	}
	if reserved(raw) {
		return ErrBadEventName
	}
	more, err := s.next(']')
	if !more {
		return err
	}
	return s.elements()
}

// eventName takes the name of an event as it stands. The reference takes numbers
// for names, too.
func (s *scanner) eventName() (raw []byte, err error) {
	start := s.at
	switch c := s.peek(); {
	case c == '"':
		err = s.text()
	case c == '-' || '0' <= c && c <= '9':
		err = s.number()
	default:
		err = ErrBadEventName
	}
	return s.in[start:s.at], err
}

func (s *scanner) object() error {
	if err := s.open(); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.at++
		s.levels++
		return nil
	}
	placeholder, number := false, -1
	for more := true; more; {
		key, value, err := s.member()
		if err != nil {
			return err
		}
		if s.due > 0 {
			switch memberName(key) {
			case placeholderMember:
				placeholder = string(value) == "true"
			case numberMember:
				number = attachmentNumber(value)
			}
		}
		if more, err = s.next('}'); err != nil {
			return err
		}
	}
	if !placeholder {
		return nil
	}
	if number < 0 || number >= s.due || s.seen&(1<<number) != 0 {
		return ErrBadPlaceholder
	}
	s.seen |= 1 << number
	return nil
}

func (s *scanner) member() (key, value []byte, err error) {
	start := s.at
	if s.peek() != '"' {
		return nil, nil, ErrBadJSON
	}
	if err := s.text(); err != nil {
		return nil, nil, err
	}
	key = s.in[start:s.at]
	if s.space(); s.peek() != ':' {
		return nil, nil, ErrBadJSON
	}
	s.at++
	s.space()
	start = s.at
	if err := s.value(); err != nil {
		return nil, nil, err
	}
	return key, s.in[start:s.at], nil
}
