package api

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	stdhash "hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/files"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// maxUploadBody bounds the body of an upload, in bytes: base64 takes a third
	// more, and of that some characters three times their place.
	maxUploadBody = 32 << 20
	// maxUploadFields and maxUploadValues bound what is not the file: how many
	// parameters, and the bytes of their names and values.
	maxUploadFields = 64
	maxUploadValues = 64 << 10
)

// uploadBody is the body of a request that brings a file, on its way: the file goes
// to disk as it comes, and the other parameters to values.
type uploadBody struct {
	in      *files.Incoming
	length  int64 // of the whole body; below 0 nobody knows
	digest  stdhash.Hash
	r       *bufio.Reader
	values  map[string]string // by lower-case names; the first counts
	budget  int               // bytes left for names and values
	fields  int
	name    string // of the file
	content bool   // it has come
}

// readUpload reads the whole body of an upload.
func readUpload(w http.ResponseWriter, r *http.Request, kind uploadKind, in *files.Incoming) (*uploadBody, error) {
	b := &uploadBody{in: in, length: r.ContentLength, digest: sha256.New(), values: map[string]string{}, budget: maxUploadValues}
	limited := http.MaxBytesReader(w, io.NopCloser(in.Body()), maxUploadBody)
	b.r = bufio.NewReaderSize(io.TeeReader(limited, b.digest), 16<<10)
	var err error
	if kind == multipartUpload {
		err = b.readParts(r.Header.Get("Content-Type"))
	} else {
		err = b.readForm(r.Header.Get("Content-Type"))
	}
	if err != nil {
		return nil, err
	}
	if !b.content {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter %s is missing", contentParam)
	}
	return b, nil
}

// key stands for the body among the calls that have been served.
func (b *uploadBody) key() string { return hex.EncodeToString(b.digest.Sum(nil)) }

// receive takes the file.
func (b *uploadBody) receive(src io.Reader) error {
	if b.content {
		return wire.Errorf(wire.CodeBadParameter, "parameter %s is given twice", contentParam)
	}
	b.content = true
	err := b.in.Receive(src, maxUpload, b.length)
	if wire.CodeOf(err) == wire.CodeTimeout {
		return wire.Errorf(wire.CodeNetwork, "the body came too slowly")
	}
	return err
}

// field counts one parameter, and the bytes of its name.
func (b *uploadBody) field(name string) error {
	if b.fields++; b.fields > maxUploadFields {
		return wire.Errorf(wire.CodeBadParameter, "there are more than %d parameters", maxUploadFields)
	}
	return b.spend(len(name))
}

func (b *uploadBody) spend(n int) error {
	if b.budget -= n; b.budget < 0 {
		return errUploadValues
	}
	return nil
}

var errUploadValues = wire.Errorf(wire.CodeBadParameter, "the parameters beside %s have more than %d bytes", contentParam, maxUploadValues)

func (b *uploadBody) set(name, value string) {
	if _, twice := b.values[strings.ToLower(name)]; !twice {
		b.values[strings.ToLower(name)] = value
	}
}

// broken is what a client is told when reading its body failed with err.
func broken(err error) error {
	var tooLarge *http.MaxBytesError
	if coded := new(wire.Error); errors.As(err, &coded) {
		return err
	}
	if errors.As(err, &tooLarge) {
		return wire.Errorf(wire.CodeBadParameter, "the body is larger than %d bytes", maxUploadBody)
	}
	if own := new(files.Error); errors.As(err, &own) && own.Code == wire.CodeBusy {
		return wire.Errorf(own.Code, "%s", own.Note) // the node stops
	}
	return wire.Errorf(wire.CodeNetwork, "the body ended too early")
}

// readParts reads multipart/form-data (RFC 7578).
func (b *uploadBody) readParts(header string) error {
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return wire.Errorf(wire.CodeBadParameter, "Content-Type must be multipart/form-data with a boundary")
	}
	parts := multipart.NewReader(b.r, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		name := part.FormName()
		if err := b.field(name); err != nil {
			return err
		}
		if strings.EqualFold(name, contentParam) {
			b.name = part.FileName()
			if err := b.receive(clean{part}); err != nil {
				return err
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, int64(b.budget)+1))
		if err != nil {
			return broken(err)
		}
		if err := b.spend(len(value)); err != nil {
			return err
		}
		b.set(name, string(value))
	}
}

// clean makes the errors of reading those that a client is told.
type clean struct{ r io.Reader }

func (c clean) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		err = broken(err)
	}
	return n, err
}

// readForm reads application/x-www-form-urlencoded (WHATWG URL §5.1).
func (b *uploadBody) readForm(header string) error {
	if kind, _, err := mime.ParseMediaType(header); header != "" && (err != nil || kind != formType) {
		return errFormType
	}
	for {
		name, hasValue, end, err := b.formName()
		if err != nil {
			return err
		}
		if name != "" || hasValue {
			if err := b.field(name); err != nil {
				return err
			}
		}
		value := &formValue{b: b, ended: !hasValue, last: end}
		if strings.EqualFold(name, contentParam) && hasValue {
			value.base64 = true
			err = b.receive(base64Value{base64.NewDecoder(base64.StdEncoding, value)})
		} else {
			var text []byte
			text, err = io.ReadAll(io.LimitReader(value, int64(b.budget)+1))
			if err == nil {
				err = b.spend(len(text))
			}
			if name != "" || hasValue {
				b.set(name, string(text))
			}
		}
		if err != nil {
			return broken(err)
		}
		if value.last {
			return nil
		}
	}
}

// formName reads up to the next = or &. end says that there is nothing behind it.
func (b *uploadBody) formName() (name string, hasValue, end bool, err error) {
	var raw []byte
	for {
		c, err := b.r.ReadByte()
		switch {
		case err == io.EOF:
			end = true
		case err != nil:
			return "", false, false, broken(err)
		case c == '=':
			hasValue = true
		case c != '&':
			if raw = append(raw, c); len(raw) > maxUploadValues {
				return "", false, false, errUploadValues
			}
			continue
		}
		name, err := url.QueryUnescape(string(raw))
		if err != nil || strings.Contains(name, ";") {
			return "", false, false, errNotForm
		}
		return name, hasValue, end, nil
	}
}

// formValue reads a value up to its end, decoded.
type formValue struct {
	b     *uploadBody
	ended bool
	last  bool // the body ends with it
	// base64 has no spaces: where one comes a client has not escaped its +.
	base64 bool
}

func (v *formValue) Read(p []byte) (n int, err error) {
	for n < len(p) && !v.ended {
		c, err := v.b.r.ReadByte()
		switch {
		case err == io.EOF:
			v.ended, v.last = true, true
			continue
		case err != nil:
			return n, broken(err)
		}
		switch c {
		case '&':
			v.ended = true
			continue
		case '+':
			c = ' '
		case ';':
			return n, errNotForm
		case '%':
			if c, err = v.escaped(); err != nil {
				return n, err
			}
		}
		if c == ' ' && v.base64 {
			c = '+'
		}
		p[n] = c
		n++
	}
	if n == 0 && v.ended && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (v *formValue) escaped() (byte, error) {
	var digits, c [2]byte
	if _, err := io.ReadFull(v.b.r, digits[:]); err == io.EOF || err == io.ErrUnexpectedEOF {
		return 0, errNotForm
	} else if err != nil {
		return 0, broken(err)
	}
	if _, err := hex.Decode(c[:1], digits[:]); err != nil {
		return 0, errNotForm
	}
	return c[0], nil
}

// base64Value tells what is wrong with base64 in a client's words.
type base64Value struct{ r io.Reader }

func (v base64Value) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) || err == io.ErrUnexpectedEOF {
		err = wire.Errorf(wire.CodeBadParameter, "parameter %s is not base64", contentParam)
	}
	return n, err
}
