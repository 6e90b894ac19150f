package state

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TokenHashSize is the length of what HashToken returns, in bytes.
const TokenHashSize = sha256.Size

// tokenDomain separates these hashes from any other use of SHA-256. Changing it
// invalidates every stored token.
const tokenDomain = "yizhan token v1\x00"

// HashToken is what the store keeps of an account's token: SHA-256 over the
// token with the appkey and the account as salt. Tokens are long random
// strings, so a slow hash would add nothing but time to each login.
func HashToken(appKey, account, token string) []byte {
	b := make([]byte, 0, len(tokenDomain)+3*binary.MaxVarintLen32+len(appKey)+len(account)+len(token))
	b = append(b, tokenDomain...)
	for _, s := range []string{appKey, account, token} {
		b = appendString(b, s)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// Account is one user of a tenant.
type Account struct {
	Account   string
	TokenHash []byte
	Blocked   bool
	Profile   *wire.Profile // never nil
	CreatedMs int64

	// The newest recorded login; zero when there was none.
	LastDeviceID string
	LastPlatform wire.Platform
	LastLoginMs  int64
}

// TokenMatches reports whether token is the account's, in constant time.
func (a *Account) TokenMatches(appKey, token string) bool {
	return subtle.ConstantTimeCompare(a.TokenHash, HashToken(appKey, a.Account, token)) == 1
}
