// HTTP/2 requests and answers that must be treated as malformed (RFC 9113, 8.1.1), as `txreq` and `txresp` of varnishtest send them:
// what would be another message, another length or another line in HTTP/1. Nothing of them may reach the other side.
const METHOD = "-hdr :method GET";
const POST = "-hdr :method POST";
const SCHEME = "-hdr :scheme http";
const PATH = "-hdr :path /";
const HOST = "-hdr :authority a";
const GET_ROOT = `${METHOD} ${SCHEME} ${PATH} ${HOST}`;
const POST_ROOT = `${POST} ${SCHEME} ${PATH} ${HOST}`;

/** Name → arguments of `txreq`. */
export const MALFORMED_REQUESTS: Readonly<Record<string, string>> = {
  "content-length with a sign": `${POST_ROOT} -hdr content-length "+5" -body hello`,
  "content-length in hexadecimal": `${POST_ROOT} -hdr content-length 0x5 -body hello`,
  "content-length with blanks inside": `${POST_ROOT} -hdr content-length "5 5" -body hello`,
  "content-length beyond 2^64": `${POST_ROOT} -hdr content-length 18446744073709551621 -body hello`,
  "content-length, empty": `${POST_ROOT} -hdr content-length "" -body hello`,
  "content-length twice, unequal": `${POST_ROOT} -hdr content-length 5 -hdr content-length 6 -body hello`,
  "content-length as an unequal list": `${POST_ROOT} -hdr content-length "5, 6" -body hello`,
  "content-length of a request that ends with its HEADERS": `${POST_ROOT} -hdr content-length 5`,
  "transfer-encoding: chunked": `${POST_ROOT} -hdr transfer-encoding chunked -body "0\\r\\n\\r\\nGET /smuggled HTTP/1.1\\r\\n\\r\\n"`,
  "transfer-encoding: identity": `${POST_ROOT} -hdr transfer-encoding identity -body hello`,
  connection: `${GET_ROOT} -hdr connection close`,
  "keep-alive": `${GET_ROOT} -hdr keep-alive 5`,
  upgrade: `${GET_ROOT} -hdr upgrade websocket`,
  "proxy-connection": `${GET_ROOT} -hdr proxy-connection close`,
  "te other than trailers": `${GET_ROOT} -hdr te gzip`,
  "a value with CR LF": `${GET_ROOT} -hdr x-mine "a\\r\\nTransfer-Encoding: chunked"`,
  "a value with CR LF, by Huffman": `${GET_ROOT} -litHdr not huf x-mine huf "a\\r\\nContent-Length: 3"`,
  "a value with LF": `${GET_ROOT} -hdr x-mine "a\\nx-injected: 1"`,
  "a value with CR": `${GET_ROOT} -hdr x-mine "a\\rb"`,
  "a value with a blank ahead": `${GET_ROOT} -hdr x-mine " a"`,
  "a value with a tab behind": `${GET_ROOT} -hdr x-mine "a\\t"`,
  "a name with CR LF": `${GET_ROOT} -hdr "x-mine: 1\\r\\nx-injected" 1`,
  "a name with a blank": `${GET_ROOT} -hdr "x mine" 1`,
  "a name with a colon": `${GET_ROOT} -hdr "content-length:" 1`,
  "a name with a blank behind": `${GET_ROOT} -hdr "transfer-encoding " chunked`,
  "a name that is empty": `${GET_ROOT} -hdr "" 1`,
  "a name in capitals": `${GET_ROOT} -hdr Content-Length 0`,
  "a name in capitals, by Huffman": `${GET_ROOT} -litHdr not huf X-Mine plain 1`,
  ":path with another request": `${METHOD} ${SCHEME} ${HOST} -hdr :path "/ HTTP/1.1\\r\\nHost: evil\\r\\n\\r\\nGET /"`,
  ":path with a blank": `${METHOD} ${SCHEME} ${HOST} -hdr :path "/a HTTP/1.1"`,
  ":path with a tab": `${METHOD} ${SCHEME} ${HOST} -hdr :path "/a\\tb"`,
  ":path, empty": `${METHOD} ${SCHEME} ${HOST} -hdr :path ""`,
  ":path without a slash": `${METHOD} ${SCHEME} ${HOST} -hdr :path "a"`,
  ":path twice": `${METHOD} ${SCHEME} ${HOST} ${PATH} -hdr :path /b`,
  ":path missing": `${METHOD} ${SCHEME} ${HOST}`,
  ":method with another request": `-hdr :method "GET /smuggled HTTP/1.1\\r\\nX:" ${SCHEME} ${PATH} ${HOST}`,
  ":method with a blank": `-hdr :method "GET /" ${SCHEME} ${PATH} ${HOST}`,
  ":method, empty": `-hdr :method "" ${SCHEME} ${PATH} ${HOST}`,
  ":method twice": `${METHOD} ${POST} ${SCHEME} ${PATH} ${HOST}`,
  ":method missing": `${SCHEME} ${PATH} ${HOST}`,
  ":scheme with a line end": `${METHOD} -hdr :scheme "http\\r\\nx: y" ${PATH} ${HOST}`,
  ":scheme missing": `${METHOD} ${PATH} ${HOST}`,
  ":authority with a line end": `${METHOD} ${SCHEME} ${PATH} -hdr :authority "a\\r\\nx: y"`,
  ":authority with a blank": `${METHOD} ${SCHEME} ${PATH} -hdr :authority "a b"`,
  ":authority with user info": `${METHOD} ${SCHEME} ${PATH} -hdr :authority "user@a"`,
  ":authority with a path": `${METHOD} ${SCHEME} ${PATH} -hdr :authority "a/b"`,
  ":authority twice": `${METHOD} ${SCHEME} ${PATH} ${HOST} -hdr :authority b`,
  ":authority and another host": `${GET_ROOT} -hdr host b`,
  "host twice": `${METHOD} ${SCHEME} ${PATH} -hdr host a -hdr host b`,
  "neither :authority nor host": `${METHOD} ${SCHEME} ${PATH}`,
  "a pseudo-header field behind another": `${METHOD} ${SCHEME} ${HOST} -hdr x-mine 1 ${PATH}`,
  "a pseudo-header field of responses": `${GET_ROOT} -hdr :status 200`,
  "a pseudo-header field that nobody knows": `${GET_ROOT} -hdr :mine 1`,
  ":protocol without CONNECT": `${GET_ROOT} -hdr :protocol websocket`,
  "CONNECT with a path": `-hdr :method CONNECT ${SCHEME} ${PATH} ${HOST}`,
};

const OK = "-hdr :status 200";

/** Name → arguments of `txresp`. */
export const MALFORMED_ANSWERS: Readonly<Record<string, string>> = {
  "a value with CR LF": `${OK} -hdr x-mine "a\\r\\nx-injected: 1"`,
  "a value with LF": `${OK} -hdr x-mine "a\\nx-injected: 1"`,
  "a name with CR LF": `${OK} -hdr "x-mine: 1\\r\\nx-injected" 1`,
  "a name in capitals": `${OK} -hdr X-Mine 1`,
  "transfer-encoding: chunked": `${OK} -hdr transfer-encoding chunked`,
  connection: `${OK} -hdr connection close`,
  "content-length with a sign": `${OK} -hdr content-length "+0"`,
  "content-length twice, unequal": `${OK} -hdr content-length 0 -hdr content-length 1`,
  "content-length of an answer that ends with its HEADERS": `${OK} -hdr content-length 5`,
  ":status with a blank": `-hdr :status "2 0"`,
  ":status with another line": `-hdr :status "200 OK\\r\\nx-injected: 1"`,
  ":status of two digits": `-hdr :status 20`,
  ":status 101": `-hdr :status 101`,
  ":status twice": `${OK} -hdr :status 404`,
  ":status missing": `-hdr x-mine 1`,
  "a pseudo-header field of requests": `${OK} -hdr :path /`,
  "a pseudo-header field behind another": `-hdr x-mine 1 ${OK}`,
  "the end with 1xx": `-hdr :status 103`,
};

export function malformedRequest(name: string): string {
  return `varnishtest "malformed: ${name}"

client c1 -connect \${proxy} {
	stream 1 {
		txreq -noadd ${MALFORMED_REQUESTS[name]}
	} -run
	stream 0 {
		rxgoaway
		expect goaway.err == 1
	} -run
} -run
`;
}

export function malformedAnswer(name: string): string {
  return `varnishtest "malformed: ${name}"

server s1 -listen \${origin} {
	rxpri
	stream 0 {
		rxsettings
		rxwinup
		txsettings
		txsettings -ack
		rxsettings
	} -run
	stream 1 {
		rxreq
		txresp -noadd ${MALFORMED_ANSWERS[name]}
	} -run
} -start

client c1 -connect \${proxy} {
	txreq
	rxresp
	expect resp.status == 502
	expect resp.http.x-injected == <undef>
} -run

server s1 -wait
`;
}
