// What would Argo's server make of these accounts for this person? Asked of the real expr library, in the way of
// server/auth/sso/sso.go, server/auth/types/claims.go and server/auth/gatekeeper.go of Argo 4.1.2: the claims of the
// sign-in become those of a session, these become a map without what is empty, and the rules are tried in the order
// of their precedence until one holds or one fails.
//
// One question a line in, one answer a line out, both JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strconv"

	"github.com/expr-lang/expr"
)

const (
	ruleKey       = "workflows.argoproj.io/rbac-rule"
	precedenceKey = "workflows.argoproj.io/rbac-rule-precedence"
)

// claims is what a session holds; the names and what is left out are Argo's.
type claims struct {
	Issuer            string   `json:"iss,omitempty"`
	Subject           string   `json:"sub,omitempty"`
	Expiry            int64    `json:"exp,omitempty"`
	Groups            []string `json:"groups,omitempty"`
	Email             string   `json:"email,omitempty"`
	Name              string   `json:"name,omitempty"`
	PreferredUsername string   `json:"preferred_username,omitempty"`
}

type account struct {
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations"`
}

type question struct {
	Accounts []account      `json:"accounts"`
	SignIn   map[string]any `json:"sign_in"`
	Claim    string         `json:"claim"`
	Filter   []string       `json:"filter"`
}

type answer struct {
	Account string   `json:"account"`
	Groups  []string `json:"groups"`
	Error   string   `json:"error"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := out.Encode(answered(asked)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
}

func answered(asked question) answer {
	session, err := signedIn(asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	name, err := accountFor(session, asked.Accounts)
	if err != nil {
		return answer{Groups: session.Groups, Error: err.Error()}
	}
	return answer{Account: name, Groups: session.Groups}
}

// signedIn is HandleCallback: only groups that match one of the expressions are kept.
func signedIn(asked question) (claims, error) {
	data, err := json.Marshal(asked.SignIn)
	if err != nil {
		return claims{}, err
	}
	var token claims
	if err := json.Unmarshal(data, &token); err != nil {
		return claims{}, err
	}
	groups := token.Groups
	if asked.Claim != "" {
		groups = custom(asked.SignIn[asked.Claim])
	}
	if len(asked.Filter) > 0 {
		var filtered []string
		for _, group := range groups {
			for _, each := range asked.Filter {
				matches, err := regexp.MatchString(each, group)
				if err != nil {
					return claims{}, err
				}
				if matches {
					filtered = append(filtered, group)
					break
				}
			}
		}
		groups = filtered
	}
	return claims{
		Issuer:            "argo-server",
		Subject:           token.Subject,
		Expiry:            4102444800,
		Groups:            groups,
		Email:             token.Email,
		Name:              token.Name,
		PreferredUsername: token.PreferredUsername,
	}, nil
}

func custom(claim any) []string {
	var groups []string
	for _, each := range asSlice(claim) {
		if group, ok := each.(string); ok {
			groups = append(groups, group)
		}
	}
	return groups
}

func asSlice(claim any) []any {
	slice, _ := claim.([]any)
	return slice
}

// accountFor is getServiceAccount.
func accountFor(session claims, accounts []account) (string, error) {
	var ruled []account
	for _, each := range accounts {
		if _, ok := each.Annotations[ruleKey]; ok {
			ruled = append(ruled, each)
		}
	}
	sort.Slice(ruled, func(i, j int) bool { return precedence(ruled[i]) > precedence(ruled[j]) })
	for _, each := range ruled {
		env, err := jsonified(session)
		if err != nil {
			return "", err
		}
		allow, err := evalBool(each.Annotations[ruleKey], env)
		if err != nil {
			return "", fmt.Errorf("failed to evaluate rule: %w", err)
		}
		if allow {
			return each.Name, nil
		}
	}
	return "", fmt.Errorf("no service account rule matches")
}

func precedence(each account) int {
	i, _ := strconv.Atoi(each.Annotations[precedenceKey])
	return i
}

func jsonified(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	x := make(map[string]any)
	return x, json.Unmarshal(data, &x)
}

func evalBool(input string, env any) (bool, error) {
	program, err := expr.Compile(input, expr.Env(env))
	if err != nil {
		return false, err
	}
	result, err := expr.Run(program, env)
	if err != nil {
		return false, fmt.Errorf("unable to evaluate expression '%s': %w", input, err)
	}
	resultBool, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("unable to cast expression result '%s' to bool", result)
	}
	return resultBool, nil
}
