package secure

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var update = flag.Bool("update", false, "write testdata/vectors.json")

const vectorsFile = "testdata/vectors.json"

// hexBytes travels as lower-case hexadecimal in JSON.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// vectors is the published file, for people who implement a client.
type vectors struct {
	About     string          `json:"about"`
	Handshake handshakeVector `json:"handshake"`
	// Records are sealed one after another in each direction, from the first.
	Records []recordVector `json:"records"`
	// AfterRekey is the first record from the client under its second key, which
	// it sealed after recordsPerKey others.
	AfterRekey rekeyVector     `json:"after_rekey"`
	Refusals   []refusalVector `json:"refusals"`
	// DictionarySHA256 is that of dictionary-1.bin.
	DictionarySHA256 hexBytes           `json:"dictionary_1_sha256"`
	Compressed       []compressedVector `json:"compressed"`
}

type handshakeVector struct {
	ServerPrivate          hexBytes `json:"server_private"`
	ServerPublic           hexBytes `json:"server_public"`
	ClientEphemeralPrivate hexBytes `json:"client_ephemeral_private"`
	ServerEphemeralPrivate hexBytes `json:"server_ephemeral_private"`
	Offer                  Codecs   `json:"offer"`
	Hello                  hexBytes `json:"hello"`
	Choice                 Codecs   `json:"choice"`
	Reply                  hexBytes `json:"reply"`
	ClientToServerKey      hexBytes `json:"client_to_server_key"`
	ServerToClientKey      hexBytes `json:"server_to_client_key"`
}

type recordVector struct {
	From   string   `json:"from"` // client or server
	Plain  hexBytes `json:"plain"`
	Record hexBytes `json:"record"`
}

type rekeyVector struct {
	RecordsBefore int      `json:"records_before"`
	Key           hexBytes `json:"key"`
	Plain         hexBytes `json:"plain"`
	Record        hexBytes `json:"record"`
}

type refusalVector struct {
	Code    wire.Code `json:"code"`
	Lowest  uint8     `json:"lowest"`
	Highest uint8     `json:"highest"`
	Reply   hexBytes  `json:"reply"`
}

type compressedVector struct {
	Compression wire.Compression `json:"compression"`
	Plain       hexBytes         `json:"plain"`
	Compressed  hexBytes         `json:"compressed"`
}

// TestVectorsArePublished checks that this build still makes, byte for byte,
// what the published file says. After a deliberate change run
// go test ./appliance/secure -run Vectors -update
func TestVectorsArePublished(t *testing.T) {
	text, err := json.MarshalIndent(makeVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, published) {
		t.Errorf("%s differs from what this build makes: either compatibility is broken, or a compressor chooses otherwise and -update is due", vectorsFile)
	}
}

func makeVectors(t *testing.T) *vectors {
	t.Helper()
	const serverFill, clientEphemeral, serverEphemeral = 0x11, 0x22, 0x33
	key := fixedKey(t, serverFill)
	h, err := newClientHandshake(key.Public(), AllCodecs, constant(clientEphemeral))
	if err != nil {
		t.Fatal(err)
	}
	_, reply, server, err := key.accept(h.Hello(), constant(serverEphemeral))
	if err != nil {
		t.Fatal(err)
	}
	_, client, err := h.Finish(reply)
	if err != nil {
		t.Fatal(err)
	}
	// A channel does not give its keys away; the reference client derives them.
	ref, _ := newRefClient(t, key.Public(), filled(clientEphemeral), byte(AllCodecs))
	_, toServer, toClient := ref.finish(t, reply[envelopeSize:])
	sum := sha256.Sum256(dictionary1)
	v := &vectors{
		About: "Test vectors of the Link handshake, records and compression, version 1; see PROTOCOL.md. Bytes are hexadecimal.",
		Handshake: handshakeVector{
			ServerPrivate: filled(serverFill), ServerPublic: key.Public(),
			ClientEphemeralPrivate: filled(clientEphemeral), ServerEphemeralPrivate: filled(serverEphemeral),
			Offer: AllCodecs, Hello: h.Hello(), Choice: server.Codecs(), Reply: reply,
			ClientToServerKey: toServer, ServerToClientKey: toClient,
		},
		DictionarySHA256: sum[:],
	}
	for _, r := range []struct{ from, plain string }{
		{"client", "first record"}, {"server", "its answer"}, {"client", "second record"},
		{"client", strings.Repeat("0123456789", 30)}, {"server", "\x00"},
	} {
		from := client
		if r.from == "server" {
			from = server
		}
		v.Records = append(v.Records, recordVector{r.from, []byte(r.plain), from.Seal(nil, []byte(r.plain))})
	}
	v.AfterRekey = rekeyed(toServer)
	for _, code := range []wire.Code{wire.CodeClientTooOld, wire.CodeBusy, wire.CodeMalformedFrame} {
		v.Refusals = append(v.Refusals, refusalVector{code, Version, Version, Refusal(code)})
	}
	holdout := sample.Holdout()
	for _, plain := range [][]byte{
		holdout[0], holdout[1], holdout[40], dictionary1[:80],
		[]byte(strings.Repeat("see you tomorrow! ", 25)),
		sample.History(minZstd), []byte(strings.Repeat("a", 5000)),
	} {
		out, c := Compress(nil, plain, AllCodecs)
		v.Compressed = append(v.Compressed, compressedVector{c, plain, out})
	}
	return v
}

// rekeyed seals records under key until it has been replaced once.
func rekeyed(key []byte) rekeyVector {
	c := newChannel([32]byte(key), [32]byte{}, 0)
	var buf [RecordOverhead + 1]byte
	for range recordsPerKey {
		c.Seal(buf[:0], []byte{0})
	}
	plain := []byte("first record under the second key")
	return rekeyVector{recordsPerKey, refRekey(key), plain, c.Seal(nil, plain)}
}
