<?php
// A webhook receiver in PHP. SIGNING_SECRET comes from the environment.

function expected(string $secret, string $timestamp, string $body): string
{
    return 'sha256=' . hash_hmac('sha256', $timestamp . '.' . $body, $secret);
}

function is_genuine(string $secret, string $timestamp, string $signature, string $body): bool
{
    if (!preg_match('/^[0-9]{1,12}$/D', $timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false;
    }
    return hash_equals(expected($secret, $timestamp, $body), $signature);
}

if (PHP_SAPI === 'cli') {
    $vector = 'sha256=25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3';
    exit(expected('whsec_test_secret_0123456789', '1700000000', '{"id":1}') === $vector ? 0 : 1);
}

// php://input holds the raw bytes; $_POST and json_decode come afterwards.
$genuine = is_genuine(
    (string) getenv('SIGNING_SECRET'),
    $_SERVER['HTTP_X_WLCRO_TIMESTAMP'] ?? '',
    $_SERVER['HTTP_X_WLCRO_SIGNATURE'] ?? '',
    (string) file_get_contents('php://input')
);
http_response_code($genuine ? 200 : 401);
