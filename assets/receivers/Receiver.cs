// A webhook receiver in C# (ASP.NET Core minimal API). SIGNING_SECRET and PORT come from the environment.
using System.Security.Cryptography;
using System.Text;

static string Expected(string secret, string timestamp, byte[] body)
{
    byte[] message = [.. Encoding.UTF8.GetBytes(timestamp + "."), .. body];
    return "sha256=" + Convert.ToHexString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), message)).ToLowerInvariant();
}

static bool IsGenuine(string secret, string timestamp, string signature, byte[] body)
{
    if (!long.TryParse(timestamp, out long sent) || Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - sent) > 300)
    {
        return false;
    }
    return CryptographicOperations.FixedTimeEquals(
        Encoding.UTF8.GetBytes(Expected(secret, timestamp, body)), Encoding.UTF8.GetBytes(signature));
}

if (args is ["vector"])
{
    const string vector = "sha256=25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3";
    return Expected("whsec_test_secret_0123456789", "1700000000", "{\"id\":1}"u8.ToArray()) == vector ? 0 : 1;
}

var app = WebApplication.CreateBuilder(args).Build();
app.MapPost("/{**path}", async (HttpRequest request) =>
{
    using var raw = new MemoryStream(); // the raw bytes: model binding would lose them
    await request.Body.CopyToAsync(raw);
    var headers = request.Headers;
    bool genuine = IsGenuine(
        Environment.GetEnvironmentVariable("SIGNING_SECRET")!,
        headers["X-Wlcro-Timestamp"].ToString(), headers["X-Wlcro-Signature"].ToString(), raw.ToArray());
    return genuine ? Results.Ok() : Results.Unauthorized();
});
app.Run($"http://127.0.0.1:{Environment.GetEnvironmentVariable("PORT")}");
return 0;
